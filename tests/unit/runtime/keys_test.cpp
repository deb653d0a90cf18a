#include "distsys/runtime/keys.hpp"

#include <catch2/catch.hpp>

#include <cmath>
#include <vector>

namespace distsys::runtime {
namespace {

/// Pearson's chi-square of draws against probabilities, by degree of freedom: near 1 when they fit.
double misfit(const key_sampler& sample, const std::vector<double>& weights, std::uint64_t seed) {
  constexpr int draws = 400'000;
  random r(seed);
  std::vector<double> seen(weights.size());
  for (int i = 0; i < draws; ++i) {
    const auto k = sample(r);
    if (k >= weights.size()) FAIL("key " << k << " of " << weights.size());
    ++seen[k];
  }
  double total = 0, chi = 0;
  for (const double w : weights) total += w;
  for (std::size_t k = 0; k < weights.size(); ++k) {
    const double expected = draws * weights[k] / total;
    chi += (seen[k] - expected) * (seen[k] - expected) / expected;
  }
  return chi / static_cast<double>(weights.size() - 1);
}

TEST_CASE("Zipf's law holds for every rank") {
  for (const double exponent : {0.5, 0.99, 1.0, 1.3, 2.0}) {
    for (const std::uint64_t n : {2, 10, 300}) {
      std::vector<double> weights;
      for (std::uint64_t k = 1; k <= n; ++k) weights.push_back(std::pow(static_cast<double>(k), -exponent));
      INFO("exponent " << exponent << ", n " << n);
      // Deviation of chi-square a degree is sqrt(2/(n-1)): 6 of them.
      CHECK(misfit({key_distribution::zipf, n, exponent}, weights, n) <
            1 + 6 * std::sqrt(2.0 / static_cast<double>(n - 1)));
    }
  }
}

TEST_CASE("one key is always that key, and a million keys stay in range") {
  random r(4);
  const key_sampler one(key_distribution::zipf, 1, 1.3);
  for (int i = 0; i < 100; ++i) REQUIRE(one(r) == 0);
  const key_sampler many(key_distribution::zipf, 1'000'000, 0.2);
  std::uint64_t largest = 0;
  for (int i = 0; i < 100'000; ++i) largest = std::max(largest, many(r));
  CHECK(largest < 1'000'000);
  CHECK(largest > 900'000);
}

TEST_CASE("uniform keys are even") {
  CHECK(misfit({key_distribution::uniform, 50, 1}, std::vector<double>(50, 1), 5) < 1 + 6 * std::sqrt(2.0 / 49));
}

TEST_CASE("normal keys have the mean n/2, the deviation n/3, cut at the ends") {
  const auto below = [](double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); };
  std::vector<double> weights;
  for (int k = 0; k < 60; ++k) weights.push_back(below((k + 1 - 30) / 20.0) - below((k - 30) / 20.0));
  CHECK(misfit({key_distribution::normal, 60, 1}, weights, 6) < 1 + 6 * std::sqrt(2.0 / 59));
}

TEST_CASE("exponential keys have the mean n/5 before they are cut at the end") {
  std::vector<double> weights;
  for (int k = 0; k < 60; ++k) weights.push_back(std::exp(-k / 12.0) - std::exp(-(k + 1) / 12.0));
  CHECK(misfit({key_distribution::exponential, 60, 1}, weights, 7) < 1 + 6 * std::sqrt(2.0 / 59));
}

TEST_CASE("the same seed draws the same keys") {
  const key_sampler sample(key_distribution::zipf, 1000, 1.3);
  random a(11), b(11);
  for (int i = 0; i < 1000; ++i) REQUIRE(sample(a) == sample(b));
}

}  // namespace
}  // namespace distsys::runtime
