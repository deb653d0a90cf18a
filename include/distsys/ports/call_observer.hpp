// The tracing hook: told of every call to a backend when it has ended.
#pragma once

#include "distsys/foundation/error.hpp"

#include <chrono>
#include <string_view>

namespace distsys::ports {

struct observed_call {
  std::string_view port, driver, operation;
  std::string_view trace;  // the call_context's, or empty
  std::chrono::steady_clock::duration duration{};
  const error* failure = nullptr;  // null: success
  unsigned tries = 1;              // 0: refused before the backend was asked
};

/// Called on the caller's loop; it must not block. What it is given lives until it returns.
using call_observer = void (*)(const observed_call& call) noexcept;

/// One a process; null (as at the start) for none. Any thread.
void observe_calls(call_observer observer) noexcept;

}  // namespace distsys::ports
