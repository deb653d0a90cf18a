#include "distsys/runtime/keys.hpp"

#include <algorithm>
#include <cmath>

namespace distsys::runtime {
namespace {

// log1p(x)/x and expm1(x)/x, steady near 0, where an exponent of 1 would divide 0 by 0.
double log1p_over(double x) noexcept { return std::abs(x) > 1e-8 ? std::log1p(x) / x : 1 - x * (0.5 - x / 3); }
double expm1_over(double x) noexcept { return std::abs(x) > 1e-8 ? std::expm1(x) / x : 1 + x * 0.5 * (1 + x / 3); }

}  // namespace

zipf_sampler::zipf_sampler(std::uint64_t n, double exponent) noexcept
    : n_(static_cast<double>(n)),
      exponent_(exponent),
      integral_first_(integral(1.5) - 1),
      integral_last_(integral(n_ + 0.5)),
      squeeze_(2 - inverse(integral(2.5) - density(2))) {}

double zipf_sampler::integral(double x) const noexcept {
  const double log_x = std::log(x);
  return expm1_over((1 - exponent_) * log_x) * log_x;
}

double zipf_sampler::density(double x) const noexcept { return std::exp(-exponent_ * std::log(x)); }

double zipf_sampler::inverse(double y) const noexcept {
  const double t = std::max(-1.0, y * (1 - exponent_));  // rounding may pass -1
  return std::exp(log1p_over(t) * y);
}

std::uint64_t zipf_sampler::operator()(random& r) const noexcept {
  for (;;) {
    const double u = integral_last_ + r.uniform() * (integral_first_ - integral_last_);
    const double x = inverse(u);
    const double k = std::clamp(std::floor(x + 0.5), 1.0, n_);
    if (k - x <= squeeze_ || u >= integral(k + 0.5) - density(k)) return static_cast<std::uint64_t>(k);
  }
}

std::uint64_t key_sampler::operator()(random& r) const noexcept {
  switch (distribution_) {
    case key_distribution::uniform:
      return r.below(n_);
    case key_distribution::zipf:
      return zipf_(r) - 1;
    case key_distribution::normal:
    case key_distribution::exponential:
      break;
  }
  const auto n = static_cast<double>(n_);
  for (;;) {
    const double x =
        std::floor(distribution_ == key_distribution::normal ? r.normal(n / 2, n / 3) : r.exponential(n / 5));
    if (x >= 0 && x < n) return static_cast<std::uint64_t>(x);
  }
}

}  // namespace distsys::runtime
