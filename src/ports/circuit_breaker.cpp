#include "circuit_breaker.hpp"

#include <algorithm>
#include <limits>

namespace distsys::ports {

namespace {

// In halves of a failure.
std::uint32_t weight_of(const error* failure) noexcept {
  if (!failure) return 0;
  return failure->code == errc::unavailable ? 2 : failure->code == errc::timeout ? 1 : 0;
}

// `corrupt` and `indeterminate` speak against the backend, but not for leaving it alone.
bool shows_that_it_works(const error* failure) noexcept {
  if (!failure) return true;
  switch (failure->code) {
    case errc::unavailable:
    case errc::timeout:
    case errc::indeterminate:
    case errc::corrupt:
    case errc::cancelled:
    case errc::overloaded:
      return false;
    default:
      return true;
  }
}

}  // namespace

circuit_breaker::circuit_breaker(const resilience& policy, std::uint64_t seed)
    : policy_(policy),
      limit_(policy.failures_until_open > 0 ? std::uint64_t{2} * policy.failures_until_open
                                            : std::numeric_limits<std::uint64_t>::max()),
      pause_(policy.shortest_pause),
      jitter_(seed) {}

circuit_breaker::ticket circuit_breaker::admit_guarded(time_point now) noexcept {
  const std::lock_guard lock(mutex_);
  const auto l = level_.load(std::memory_order_relaxed);
  if (l < level::half_open) return ticket::pass;
  if (now < next_try_) return ticket::refused;
  level_.store(level::half_open, std::memory_order_relaxed);
  next_try_ = now + policy_.longest_pause;  // a probe that never ends must not keep it half-open
  return ticket::probe;
}

circuit_breaker::ticket circuit_breaker::admit_always(time_point now) noexcept {
  const auto t = admit(now);
  return t == ticket::refused ? ticket::probe : t;
}

circuit_breaker::effect circuit_breaker::settle_guarded(ticket admitted, const error* failure, time_point began,
                                                        time_point now) noexcept {
  const std::uint32_t weight = weight_of(failure);
  const bool works = shows_that_it_works(failure);
  const std::lock_guard lock(mutex_);
  const bool shut = level_.load(std::memory_order_relaxed) < level::half_open;
  if (!shut) return admitted == ticket::probe ? judge_probe(weight, works, now) : effect::stray;
  if (works) row_ = 0;
  if (failure && failure->code == errc::unavailable) {
    // One broken connection fails all that it carried: that is one event. (Timeouts end each by its own deadline.)
    if (row_ > 0 && began < last_counted_) return effect::counted;
    last_counted_ = now;
  }
  row_ += weight;
  if (row_ >= limit_) {
    pause_ = policy_.shortest_pause;
    open(now);
    return effect::opened;
  }
  level_.store(row_ == 0 ? level::calm : level::failing, std::memory_order_relaxed);
  return effect::counted;
}

circuit_breaker::effect circuit_breaker::judge_probe(std::uint32_t weight, bool works, time_point now) noexcept {
  if (works) {
    row_ = 0;
    level_.store(level::calm, std::memory_order_relaxed);
    return effect::closed;
  }
  if (weight > 0) {
    open(now);
  } else {
    next_try_ = now;  // it told nothing: the next call tries
    level_.store(level::open, std::memory_order_relaxed);
  }
  return effect::counted;
}

// Decorrelated jitter: each pause is drawn between the shortest and three times the one before.
void circuit_breaker::open(time_point now) noexcept {
  const auto low = static_cast<double>(policy_.shortest_pause.count());
  const auto high = static_cast<double>(std::min(3 * pause_, policy_.longest_pause).count());
  pause_ = std::chrono::milliseconds(static_cast<std::int64_t>(jitter_.uniform(low, std::max(low, high))));
  next_try_ = now + pause_;
  level_.store(level::open, std::memory_order_relaxed);
}

circuit_breaker::state circuit_breaker::current() const noexcept {
  const auto l = level_.load(std::memory_order_relaxed);
  return l == level::open ? state::open : l == level::half_open ? state::half_open : state::closed;
}

circuit_breaker::time_point circuit_breaker::next_try() const noexcept {
  const std::lock_guard lock(mutex_);
  return next_try_;
}

}  // namespace distsys::ports
