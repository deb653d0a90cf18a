// Which of n keys comes next: Zipf, normal, uniform or exponential, each drawn in constant time and memory. For load
// and for traces.
#pragma once

#include "distsys/runtime/random.hpp"

#include <cstdint>

namespace distsys::runtime {

enum class key_distribution : std::uint8_t { uniform, normal, zipf, exponential };

/// Exact sampling of Zipf's law over ranks 1 … n, P(k) ~ k^-exponent, by rejection-inversion: W. Hörmann and
/// G. Derflinger, "Rejection-inversion to generate variates from monotone discrete distributions", ACM TOMACS 6 (1996).
class zipf_sampler {
 public:
  /// n >= 1, exponent > 0.
  zipf_sampler(std::uint64_t n, double exponent) noexcept;
  std::uint64_t operator()(random& r) const noexcept;

 private:
  double integral(double x) const noexcept;  // of the density's hat, H
  double inverse(double y) const noexcept;
  double density(double x) const noexcept;

  double n_;
  double exponent_;
  double integral_first_;
  double integral_last_;
  double squeeze_;
};

/// Keys 0 … n-1; key 0 is the most frequent of Zipf's and of the exponential ones, whose mean is n/5. Normal has mean
/// n/2 and deviation n/3; draws outside are drawn again.
class key_sampler {
 public:
  key_sampler(key_distribution d, std::uint64_t n, double zipf_exponent) noexcept
      : distribution_(d), n_(n), zipf_(n, zipf_exponent) {}
  std::uint64_t operator()(random& r) const noexcept;

 private:
  key_distribution distribution_;
  std::uint64_t n_;
  zipf_sampler zipf_;
};

}  // namespace distsys::runtime
