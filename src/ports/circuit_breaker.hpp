// The circuit breaker of one backend: after failures in a row calls are refused for a while, then one tries.
#pragma once

#include "distsys/foundation/error.hpp"
#include "distsys/ports/resilience.hpp"
#include "distsys/runtime/clock.hpp"
#include "distsys/runtime/random.hpp"

#include <atomic>
#include <cstdint>
#include <mutex>

namespace distsys::ports {

/// Knows time only by what it is told. Any thread. A call costs one relaxed load before and one after while nothing
/// fails.
class circuit_breaker {
 public:
  using time_point = runtime::steady_clock::time_point;
  enum class state : std::uint8_t { closed, half_open, open };
  enum class ticket : std::uint8_t { refused, pass, probe };
  enum class effect : std::uint8_t {
    counted,
    stray,  // from before the breaker opened: says nothing about now
    opened,
    closed
  };

  circuit_breaker(const resilience& policy, std::uint64_t seed);

  ticket admit(time_point now) noexcept {
    return level_.load(std::memory_order_relaxed) < level::half_open ? ticket::pass : admit_guarded(now);
  }
  /// For a ping: never refused, and a probe unless the breaker is closed.
  ticket admit_always(time_point now) noexcept;
  /// What became of an admitted try, which began at `began`. Of the tries under way when one connection is lost only
  /// the first `unavailable` counts.
  effect settle(ticket admitted, const error* failure, time_point began, time_point now) noexcept {
    if (!failure && admitted == ticket::pass && level_.load(std::memory_order_relaxed) == level::calm)
      return effect::counted;
    return settle_guarded(admitted, failure, began, now);
  }

  state current() const noexcept;
  /// When the next call may try; now or before when it may at once.
  time_point next_try() const noexcept;

 private:
  enum class level : std::uint8_t { calm, failing, half_open, open };  // the first two are closed

  ticket admit_guarded(time_point now) noexcept;
  effect settle_guarded(ticket admitted, const error* failure, time_point began, time_point now) noexcept;
  effect judge_probe(std::uint32_t weight, bool works, time_point now) noexcept;
  void open(time_point now) noexcept;

  const resilience policy_;
  const std::uint64_t limit_;  // of row_
  std::atomic<level> level_{level::calm};
  mutable std::mutex mutex_;   // over all that follows, and writes of level_
  std::uint64_t row_ = 0;      // of failures, in halves
  time_point last_counted_{};  // the last `unavailable` of the row
  std::chrono::milliseconds pause_;
  time_point next_try_{};
  runtime::random jitter_;
};

}  // namespace distsys::ports
