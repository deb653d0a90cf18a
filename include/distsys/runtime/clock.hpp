// The one source of time. Tests and simulated weeks replace the wall clock; deadlines use the steady one.
#pragma once

#include "distsys/runtime/awaitable.hpp"

#include <atomic>
#include <chrono>

namespace distsys::runtime {

/// Wall-clock time, UTC, milliseconds: what is stored and shown.
using timestamp = std::chrono::sys_time<std::chrono::milliseconds>;
using steady_clock = std::chrono::steady_clock;
using deadline = steady_clock::time_point;

timestamp now() noexcept;
steady_clock::time_point steady_now() noexcept;

/// While it lives, now() answers what it is set to. For tests and simulations; one at a time.
class manual_clock {
 public:
  explicit manual_clock(timestamp start);
  ~manual_clock();
  manual_clock(const manual_clock&) = delete;
  manual_clock& operator=(const manual_clock&) = delete;
  void set(timestamp t) noexcept;
  void advance(std::chrono::milliseconds d) noexcept;
};

/// Sleeps on the caller's loop. False when cancelled before the time was over.
awaitable<bool> sleep_for(std::chrono::steady_clock::duration d);
awaitable<bool> sleep_until(deadline t);

}  // namespace distsys::runtime
