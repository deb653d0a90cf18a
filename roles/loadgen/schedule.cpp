#include "schedule.hpp"

#include <cmath>

namespace distsys::roles::loadgen {
namespace {

// When so many arrivals are expected, in a phase whose rate runs from a to b: the solution of a t + (b-a) t^2 / 2T = n,
// in the form that loses no digits where the rates are near each other.
double time_of(const phase& p, double n) noexcept {
  if (n <= 0) return 0;
  const double slope = std::isfinite(p.seconds) ? (p.last_rate - p.rate) / p.seconds : 0;
  const double root = p.rate * p.rate + 2 * slope * n;
  if (root <= 0) return p.seconds;  // a falling ramp has no more
  return 2 * n / (p.rate + std::sqrt(root));
}

}  // namespace

double schedule::within(const phase& p) noexcept {
  switch (p.how) {
    case phase::process::even:
      return time_of(p, static_cast<double>(count_++));  // not a sum of intervals: it would drift
    case phase::process::poisson:
      expected_ += random_.exponential(1);
      return time_of(p, expected_);
    case phase::process::gaps:
      return elapsed_ += p.gap.draw(random_);
    case phase::process::burst:
      return static_cast<double>(count_++ / p.burst) * p.every;
    case phase::process::silence:
      break;
  }
  return p.seconds;
}

std::optional<double> schedule::draw() noexcept {
  if (plan_.times) {
    if (number_ >= plan_.times->size()) return std::nullopt;
    return static_cast<double>((*plan_.times)[number_]) / 1e6;
  }
  while (phase_ < plan_.phases.size()) {
    const phase& p = plan_.phases[phase_];
    if (const double t = within(p); t < p.seconds) return phase_begin_ + t;
    phase_begin_ += p.seconds;
    ++phase_;
    count_ = 0;
    expected_ = elapsed_ = 0;
  }
  return std::nullopt;
}

std::optional<schedule::arrival> schedule::next() noexcept {
  for (;;) {
    const auto seconds = draw();
    if (!seconds) return std::nullopt;
    const std::uint64_t number = number_++;
    if (number % lanes_ != lane_) continue;
    return arrival{
        start_ + std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::duration<double>(*seconds)), number};
  }
}

std::uint64_t schedule::due_before(runtime::steady_clock::time_point end, std::uint64_t most) noexcept {
  std::uint64_t n = 0;
  while (n < most) {
    const auto a = next();
    if (!a || a->at >= end) break;
    ++n;
  }
  return n;
}

}  // namespace distsys::roles::loadgen
