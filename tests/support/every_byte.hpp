// The fault peer strikes at each byte of a server's answers in turn, several conversations at a time.
#pragma once

#include "distsys/foundation/error.hpp"
#include "distsys/ports/call_context.hpp"
#include "tests/support/fault_peer.hpp"
#include "tests/support/punctuality.hpp"

#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <utility>

namespace distsys::tests {

/// What came of the calls of all conversations. Any thread.
struct strike_outcome {
  std::chrono::milliseconds patience;  // what a call is given
  punctuality calls{};
  std::atomic<std::size_t> right{0}, failed{0};

  /// Counts a call, and whether it ended by its deadline. The context must outlive it.
  template <class T>
  awaitable<result<T>> watch(const ports::call_context& context, awaitable<result<T>> call) {
    auto answer = co_await calls.watch(context.deadline, std::move(call));
    ++(answer ? right : failed);
    co_return answer;
  }
};

struct strike_plan {
  std::string driver;
  fault::kind what;
  std::size_t bytes;  // that the server sends in one conversation
  std::size_t first = 0, stride = 1;
};

/// Bytes inside a value cannot be checked: in a damaged answer they may be the peer's, but never another call's.
bool is_damaged(const fault& f);
bool holds_nonsense(std::string_view text);

/// `converse` talks through a fault peer of its own, on the thread that calls it, and says what was wrong, or nothing.
/// Fails the test when something was, when no call worked or none failed, and when one was late.
void strike_each_byte(const strike_plan& plan, strike_outcome& sum, const std::function<std::string(fault)>& converse);

}  // namespace distsys::tests
