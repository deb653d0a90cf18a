#include "schedule.hpp"

#include <algorithm>
#include <cmath>

namespace distsys::roles::loadgen {
namespace {

constexpr std::uint64_t most_looked_at = 1'000'000;
constexpr double longest = 3e9;  // seconds; a later time has no nanoseconds, and no run lasts so long

// When so many arrivals are expected, in a phase whose rate runs from a to b: the solution of a t + (b-a) t^2 / 2T = n,
// in the form that loses no digits where the rates are near each other.
double time_of(const phase& p, double n) noexcept {
  if (n <= 0) return 0;
  const double slope = std::isfinite(p.seconds) ? (p.last_rate - p.rate) / p.seconds : 0;
  const double root = p.rate * p.rate + 2 * slope * n;
  if (root <= 0) return p.seconds;  // a falling ramp has no more
  return 2 * n / (p.rate + std::sqrt(root));
}

/// When the n-th arrival of a phase is that does not depend on chance.
double time_in(const phase& p, std::uint64_t n) noexcept {
  if (p.how == phase::process::burst) {
    const std::uint64_t bursts_before = n / p.burst;
    return static_cast<double>(bursts_before) * p.every;
  }
  return time_of(p, static_cast<double>(n));  // not a sum of intervals: it would drift
}

bool computable(const phase& p) noexcept { return p.how == phase::process::even || p.how == phase::process::burst; }

}  // namespace

double schedule::within(const phase& p) noexcept {
  switch (p.how) {
    case phase::process::even:
    case phase::process::burst:
      return time_in(p, count_++);
    case phase::process::poisson:
      expected_ += random_.exponential(1);
      return time_of(p, expected_);
    case phase::process::gaps:
      return elapsed_ += p.gap.draw(random_);
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
    return arrival{at(*seconds), number};
  }
}

runtime::steady_clock::time_point schedule::at(double seconds) const noexcept {
  const std::chrono::duration<double> since(std::min(seconds, longest));
  return start_ + std::chrono::duration_cast<std::chrono::nanoseconds>(since);
}

// By bisection over the formula that draws them, so that both agree to the last.
std::uint64_t schedule::rest_of_phase(runtime::steady_clock::time_point end) const noexcept {
  const phase& p = plan_.phases[phase_];
  std::uint64_t low = count_, high = count_ + (std::uint64_t{1} << 50);
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    const double t = time_in(p, middle);
    if (t < p.seconds && at(phase_begin_ + t) < end)
      low = middle + 1;
    else
      high = middle;
  }
  return low - count_;
}

/// How many of the next n arrivals are this lane's.
std::uint64_t schedule::mine(std::uint64_t n) const noexcept {
  const std::uint64_t first = (lane_ + lanes_ - number_ % lanes_) % lanes_;
  return n <= first ? 0 : (n - first - 1) / lanes_ + 1;
}

schedule::remainder schedule::due_before(runtime::steady_clock::time_point end, std::uint64_t most) noexcept {
  remainder r;
  for (std::uint64_t looked = 0; r.due < most;) {
    if (!plan_.times && phase_ < plan_.phases.size() && computable(plan_.phases[phase_])) {
      const std::uint64_t n = rest_of_phase(end);
      r.due += mine(n);
      number_ += n;
      count_ += n;
    }
    // Of another kind of phase, or the first of the next one, or of what lies behind the end.
    const auto seconds = draw();
    if (!seconds || at(*seconds) >= end) break;
    r.due += number_++ % lanes_ == lane_ ? 1 : 0;
    if (++looked == most_looked_at) {
      r.more = true;
      break;
    }
  }
  r.due = std::min(r.due, most);
  return r;
}

}  // namespace distsys::roles::loadgen
