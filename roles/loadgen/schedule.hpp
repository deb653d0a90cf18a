// The intended times of one loop's share of an open loop's requests.
#pragma once

#include "arrivals.hpp"
#include "distsys/runtime/clock.hpp"
#include "distsys/runtime/random.hpp"

#include <chrono>
#include <cstdint>
#include <optional>

namespace distsys::roles::loadgen {

/// One of `lanes` loops takes every lanes-th arrival of the plan; each draws all of them from the same seed, so that
/// the load is the same however many loops there are. Does not depend on how fast the server answers, which is what
/// "open" means. Refers to the plan.
class schedule {
 public:
  struct arrival {
    runtime::steady_clock::time_point at;
    std::uint64_t number;  // of all lanes, from 0
  };

  schedule(const arrival_plan& plan, runtime::steady_clock::time_point start, std::uint64_t seed, unsigned lane,
           unsigned lanes) noexcept
      : plan_(plan), start_(start), random_(seed), lane_(lane), lanes_(lanes) {}

  /// Nothing when the plan is over.
  std::optional<arrival> next() noexcept;
  struct remainder {
    std::uint64_t due = 0;
    bool more = false;  // there are more, which were not counted
  };
  /// How many more requests were due before `end` and were not asked for; counts no further than `most`. Even rates and
  /// bursts are computed; of what is drawn one by one no more than a million are looked at. The schedule is over
  /// then.
  remainder due_before(runtime::steady_clock::time_point end, std::uint64_t most) noexcept;

 private:
  std::optional<double> draw() noexcept;
  runtime::steady_clock::time_point at(double seconds) const noexcept;
  std::uint64_t rest_of_phase(runtime::steady_clock::time_point end) const noexcept;
  std::uint64_t mine(std::uint64_t n) const noexcept;
  double within(const phase& p) noexcept;

  const arrival_plan& plan_;
  runtime::steady_clock::time_point start_;
  runtime::random random_;
  unsigned lane_, lanes_;
  std::uint64_t number_ = 0;
  std::size_t phase_ = 0;
  double phase_begin_ = 0;   // seconds
  std::uint64_t count_ = 0;  // of the phase
  double expected_ = 0;      // of a Poisson phase: the integral of its rate up to the last arrival
  double elapsed_ = 0;       // of a phase of gaps
};

}  // namespace distsys::roles::loadgen
