// What travels with every call to the outside: until when it matters, on whose behalf, and what the caller has seen.
#pragma once

#include "distsys/runtime/clock.hpp"

#include <chrono>
#include <string>

namespace distsys::ports {

/// A value; cheap to copy when trace and session are short. Cancellation travels with the coroutine (Asio's
/// cancellation slots): a cancelled call answers errc::cancelled.
struct call_context {
  runtime::deadline deadline = runtime::deadline::max();
  std::string trace;    // W3C traceparent, or empty
  std::string session;  // read-your-writes token of the database port, or empty

  static call_context within(std::chrono::steady_clock::duration timeout) {
    return {.deadline = runtime::steady_now() + timeout};
  }
  bool expired() const noexcept { return runtime::steady_now() >= deadline; }
  std::chrono::steady_clock::duration remaining() const noexcept { return deadline - runtime::steady_now(); }
};

}  // namespace distsys::ports
