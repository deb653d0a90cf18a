#include "roles/loadgen/histogram.hpp"

#include "distsys/runtime/random.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <vector>

namespace distsys::roles::loadgen {
namespace {

std::uint64_t exact_percentile(const std::vector<std::uint64_t>& sorted, double percent) {
  const auto rank = static_cast<std::size_t>(std::ceil(percent / 100 * static_cast<double>(sorted.size())));
  return sorted[std::max<std::size_t>(rank, 1) - 1];
}

TEST_CASE("percentiles are those of the values, to three digits") {
  for (const std::uint64_t seed : {1, 2, 3}) {
    runtime::random r(seed);
    histogram h;
    std::vector<std::uint64_t> values;
    for (int i = 0; i < 50'000; ++i) {
      // From microseconds to an hour, evenly over the orders of magnitude.
      const auto v = static_cast<std::uint64_t>(std::exp(r.uniform(0, std::log(3.6e9))));
      values.push_back(v);
      h.record(v);
    }
    std::sort(values.begin(), values.end());
    double sum = 0, squares = 0;
    for (const auto v : values) sum += static_cast<double>(v);
    const double mean = sum / static_cast<double>(values.size());
    for (const auto v : values) squares += (static_cast<double>(v) - mean) * (static_cast<double>(v) - mean);
    for (const double q : {0.0, 0.1, 1.0, 25.0, 50.0, 75.0, 90.0, 99.0, 99.9, 99.99, 100.0}) {
      const auto wanted = static_cast<double>(exact_percentile(values, q));
      const auto got = static_cast<double>(h.percentile(q));
      INFO("seed " << seed << ", percentile " << q << ", exact " << wanted << ", got " << got);
      CHECK(got >= wanted);
      CHECK(got <= wanted * (1 + 1.0 / 1024));
    }
    CHECK(h.count() == values.size());
    CHECK(h.min() == values.front());
    CHECK(h.max() == values.back());
    CHECK(h.mean() == Approx(mean));
    CHECK(h.deviation() == Approx(std::sqrt(squares / static_cast<double>(values.size()))));
  }
}

TEST_CASE("small values are exact") {
  histogram h;
  for (std::uint64_t v = 0; v < 2048; ++v) h.record(v);
  for (std::uint64_t v = 0; v < 2048; ++v) REQUIRE(h.percentile(100.0 * (static_cast<double>(v) + 0.5) / 2048) == v);
}

TEST_CASE("the edges of buckets") {
  for (unsigned shift = 0; shift < 31; ++shift) {
    for (const int off : {-1, 0, 1}) {
      const std::uint64_t v = (std::uint64_t{1} << shift) + static_cast<std::uint64_t>(off);
      histogram h;
      h.record(v);
      h.record(histogram::largest);
      CHECK(h.percentile(50) >= v);
      CHECK(h.percentile(50) <= v + v / 1024);
    }
  }
}

TEST_CASE("what is over an hour counts as an hour, and nothing is nothing") {
  histogram h;
  CHECK(h.percentile(50) == 0);
  CHECK(h.mean() == 0);
  CHECK(h.deviation() == 0);
  h.record(histogram::largest * 2);
  CHECK(h.max() == histogram::largest);
  CHECK(h.percentile(99) == histogram::largest);
}

TEST_CASE("merged histograms are the histogram of all") {
  runtime::random r(9);
  histogram parts[3], all;
  for (int i = 0; i < 30'000; ++i) {
    const auto v = static_cast<std::uint64_t>(r.exponential(20'000));
    parts[i % 2].record(v);  // the third stays empty
    all.record(v);
  }
  histogram merged;
  for (const auto& p : parts) merged.merge(p);
  CHECK(merged.count() == all.count());
  CHECK(merged.min() == all.min());
  CHECK(merged.max() == all.max());
  for (const double q : {1.0, 50.0, 99.0, 99.9}) CHECK(merged.percentile(q) == all.percentile(q));
}

}  // namespace
}  // namespace distsys::roles::loadgen
