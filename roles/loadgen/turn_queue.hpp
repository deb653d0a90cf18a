// The requests of one loop that wait for their intended time.
#pragma once

#include "distsys/runtime/awaitable.hpp"
#include "distsys/runtime/clock.hpp"

#include <boost/asio/any_completion_handler.hpp>
#include <boost/asio/basic_waitable_timer.hpp>

#include <chrono>
#include <deque>

namespace distsys::roles::loadgen {

/// First in, first out: times never descend. One timer for all, and whoever runs on the loop in between may let those
/// pass whose time has come: behind a batch of answers a timer alone would be told last. Belongs to one loop; as long
/// as its longest line of waiters.
class turn_queue {
 public:
  using time_point = runtime::steady_clock::time_point;

  /// The last `spin` before each time is not slept; answers are read meanwhile. A turn of the loop that takes as long
  /// as `empty_turn` has done something for somebody else.
  turn_queue(executor where, std::chrono::nanoseconds spin,
             std::chrono::nanoseconds empty_turn = std::chrono::microseconds(3))
      : where_(where), spin_(spin), empty_turn_(empty_turn), alarm_(where) {}

  /// Keeps the time until it is cancelled, or close() is called.
  awaitable<void> run();
  /// Everybody is told to go, and whoever comes.
  void close();

  /// True when it is time; false when the queue was closed.
  awaitable<bool> wait_until(time_point when);
  /// Resumes, before it returns, whoever is due. Costs a comparison when nobody is.
  void release(time_point now) {
    if (!waiting_.empty() && waiting_.front().when <= now) release_due(now);
  }
  /// How long it has spun while nothing else was to be done.
  std::chrono::nanoseconds spun() const noexcept { return spun_; }

 private:
  struct waiter {
    time_point when;
    asio::any_completion_handler<void(bool)> resume;
  };

  void release_due(time_point now);
  void resume_first(bool due);
  awaitable<void> spin_until_first();

  executor where_;
  std::chrono::nanoseconds spin_;
  std::chrono::nanoseconds empty_turn_;
  asio::basic_waitable_timer<runtime::steady_clock, asio::wait_traits<runtime::steady_clock>, executor> alarm_;
  std::deque<waiter> waiting_;
  bool releasing_ = false;
  bool closed_ = false;
  std::chrono::nanoseconds spun_{};
};

}  // namespace distsys::roles::loadgen
