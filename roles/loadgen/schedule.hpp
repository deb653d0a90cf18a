// When the requests of an open loop are meant to be sent.
#pragma once

#include "distsys/runtime/clock.hpp"
#include "distsys/runtime/random.hpp"

#include <chrono>
#include <cstdint>

namespace distsys::roles::loadgen {

/// The share of one of `lanes` loops: every lanes-th request of an even schedule, or a Poisson process of its own (the
/// sum of independent ones is one). Does not depend on how fast the server answers, which is what "open" means.
class schedule {
 public:
  schedule(runtime::steady_clock::time_point start, double rate, bool poisson, unsigned lane, unsigned lanes) noexcept
      : start_(start), rate_(rate), poisson_(poisson), lanes_(lanes), next_(lane) {}

  runtime::steady_clock::time_point next(runtime::random& r) noexcept {
    if (poisson_) {
      elapsed_ += r.exponential(lanes_ / rate_);
    } else {
      elapsed_ = static_cast<double>(next_) / rate_;  // not a sum of intervals: it would drift
      next_ += lanes_;
    }
    return start_ + std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(elapsed_));
  }

  /// How many more requests were due before `end` and were not asked for.
  std::uint64_t due_before(runtime::steady_clock::time_point end, runtime::random& r) noexcept {
    std::uint64_t n = 0;
    while (next(r) < end) ++n;
    return n;
  }

 private:
  runtime::steady_clock::time_point start_;
  double rate_;
  bool poisson_;
  unsigned lanes_;
  std::uint64_t next_;
  double elapsed_ = 0;
};

}  // namespace distsys::roles::loadgen
