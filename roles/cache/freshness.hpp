// Whether what is kept may be believed: has the follower of the log seen everything that was announced?
#pragma once

#include "distsys/caching/bounded_map.hpp"
#include "distsys/caching/wakeup.hpp"
#include "distsys/ports/database.hpp"
#include "distsys/runtime/awaitable.hpp"
#include "distsys/runtime/clock.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace distsys::roles::cache {

using caching::time_point;

/// How many commits the database's listener had announced at some moment.
struct announcements {
  std::uint64_t all = 0;
  std::uint64_t own = 0;  // of this process
};

/// Any thread. The database's listener counts announcements of commits; the follower of the change log says up to which
/// of them it has applied the log. In between, nothing that is kept may be served: what was committed is not known yet.
class freshness {
 public:
  /// After so long without a reading of the log nothing is believed.
  static constexpr auto longest_trust = std::chrono::seconds(2);

  /// Before the first request. Null: nothing is ever announced.
  void follow(std::shared_ptr<const ports::change_listener> listener) { listener_ = std::move(listener); }

  std::uint64_t announced() const noexcept { return listener_ ? listener_->announced() : 0; }
  announcements heard() const noexcept {
    return listener_ ? announcements{listener_->announced(), listener_->announced_own()} : announcements{};
  }
  /// Everything announced is applied, and the log was read lately. No lock.
  bool believed(time_point now) const noexcept { return announced() == settled() && lately(now); }
  /// Everything announced up to this number is applied.
  std::uint64_t settled() const noexcept { return settled_.load(std::memory_order_acquire); }
  /// What this process committed or vouched for is applied.
  bool knows_own() const noexcept {
    return heard().own == settled_own_.load(std::memory_order_acquire) &&
           settled() >= vouched_.load(std::memory_order_acquire);
  }
  /// Before a client is told that something is stored which another process may have committed.
  void vouch() noexcept;
  /// The log was read lately.
  bool lately(time_point now) const noexcept { return now - confirmed() < longest_trust; }
  /// When what is kept was last known to be true.
  time_point confirmed() const noexcept {
    return time_point(time_point::duration(confirmed_.load(std::memory_order_relaxed)));
  }
  /// The last change that has been applied.
  std::int64_t applied() const noexcept { return applied_.load(std::memory_order_acquire); }

  /// Waits until what is announced by now has been applied; false when that is not so at `limit`, or when cancelled.
  awaitable<bool> catch_up(runtime::deadline limit);
  /// The same for one change of the log.
  awaitable<bool> catch_up_to(std::int64_t sequence, runtime::deadline limit);

  /// By the follower: up to `sequence`, which was the end of the log after `heard`, all is applied.
  void settle(const announcements& heard, std::int64_t sequence, time_point now);

 private:
  struct waiter {
    std::shared_ptr<caching::wakeup> wake;
    std::uint64_t number;
    std::int64_t sequence;
  };
  bool reached(std::uint64_t number, std::int64_t sequence) const noexcept;
  awaitable<bool> wait(std::uint64_t number, std::int64_t sequence, runtime::deadline limit);

  std::shared_ptr<const ports::change_listener> listener_;
  std::atomic<std::uint64_t> settled_{0};
  std::atomic<std::uint64_t> settled_own_{0};
  std::atomic<std::uint64_t> vouched_{0};  // how many commits were announced at the last vouch()
  std::atomic<std::int64_t> applied_{0};
  std::atomic<time_point::rep> confirmed_{0};
  std::mutex mutex_;
  std::vector<waiter> waiters_;  // as many as requests are in flight, at most
};

}  // namespace distsys::roles::cache
