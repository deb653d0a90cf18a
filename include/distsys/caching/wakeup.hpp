// A coroutine's wait that another thread can end.
#pragma once

#include "distsys/runtime/awaitable.hpp"
#include "distsys/runtime/clock.hpp"

#include <boost/asio/basic_waitable_timer.hpp>

#include <memory>

namespace distsys::caching {

/// One waiter at a time. Held by shared_ptr by the waiter and by whoever wakes it.
class wakeup : public std::enable_shared_from_this<wakeup> {
 public:
  /// `where` is the loop that the waiting coroutine runs on.
  explicit wakeup(executor where) : timer_(where) {}

  /// Any thread. A wake before wait() is kept; several are one.
  void wake();

  /// True when woken; false at `limit`, or when the coroutine was cancelled. On the loop given.
  awaitable<bool> wait(runtime::deadline limit);

 private:
  asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, executor> timer_;
  bool woken_ = false;  // touched on the loop only
};

}  // namespace distsys::caching
