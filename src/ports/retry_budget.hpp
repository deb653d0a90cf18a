// Bounds the retries of one backend to a tenth of its calls, so that an outage is not multiplied (as Finagle's
// RetryBudget does).
#pragma once

#include "distsys/runtime/clock.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <mutex>

namespace distsys::ports {

/// A bucket that each call fills by a tenth of a retry, and time by one a second, so that rare calls have some too.
/// Any thread; a call costs one relaxed load while the bucket is full.
class retry_budget {
 public:
  using time_point = runtime::steady_clock::time_point;

  explicit retry_budget(time_point start) : filled_(start) {}

  void count_call() noexcept {
    if (tenths_.load(std::memory_order_relaxed) < most) tenths_.fetch_add(1, std::memory_order_relaxed);
  }

  /// True when a retry may be made; it is then paid for.
  bool take(time_point now) noexcept {
    const std::lock_guard lock(mutex_);
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(now - filled_);
    if (seconds.count() > 0) {
      filled_ += seconds;
      const auto room = std::max<std::int64_t>(0, at_start - tenths_.load(std::memory_order_relaxed));
      tenths_.fetch_add(std::min<std::int64_t>(room, seconds.count() * retry), std::memory_order_relaxed);
    }
    if (tenths_.load(std::memory_order_relaxed) < retry) return false;
    tenths_.fetch_sub(retry, std::memory_order_relaxed);
    return true;
  }

 private:
  static constexpr std::int64_t retry = 10, at_start = 10 * retry, most = 100 * retry;
  std::atomic<std::int64_t> tenths_{at_start};
  std::mutex mutex_;
  time_point filled_;
};

}  // namespace distsys::ports
