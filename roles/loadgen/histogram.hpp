// Latencies counted in log-linear buckets: three significant digits from 1 us to 1 h in 188 KB, whatever their number.
//
// The layout is that of HdrHistogram (Gil Tene): values below 2,048 have a bucket each; above, every power of two is
// cut into 1,024, so that a bucket is never wider than 1/1,024 of its values.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

namespace distsys::roles::loadgen {

/// One thread writes. Values are whole microseconds.
class histogram {
 public:
  static constexpr std::uint64_t largest = 3'600'000'000;  // greater values count as this one

  histogram();

  void record(std::uint64_t value) noexcept;
  void merge(const histogram& other) noexcept;

  std::uint64_t count() const noexcept { return count_; }
  std::uint64_t min() const noexcept { return count_ == 0 ? 0 : min_; }
  std::uint64_t max() const noexcept { return max_; }
  double mean() const noexcept;
  double deviation() const noexcept;  // of the population
  /// The least recorded value that `percent` (0 … 100) of all values do not exceed, as the top of its bucket; 0 when
  /// there are none.
  std::uint64_t percentile(double percent) const noexcept;

  /// Counts by bucket, in the order of HdrHistogram's counts array; what is after the last value is left out.
  std::span<const std::uint64_t> counts() const noexcept;
  /// The greatest value of a bucket.
  static std::uint64_t top_of(std::size_t bucket) noexcept;

  /// With the values added that a client who waits for each answer did not see: a value v that is longer than the
  /// interval at which requests were meant to come stands for v-i, v-2i, … as well (HdrHistogram's
  /// copyCorrectedForCoordinatedOmission). `interval` over 0.
  histogram corrected(std::uint64_t interval) const;

  /// A bucket and how much was added to it.
  using growth = std::vector<std::pair<std::uint32_t, std::uint32_t>>;
  /// What was recorded since `before` had what it has; `before` then has it too.
  growth since(std::vector<std::uint64_t>& before) const;
  void add(const growth& g) noexcept;

 private:
  static std::size_t bucket_of(std::uint64_t value) noexcept;
  void record(std::uint64_t value, std::uint64_t times) noexcept;

  std::vector<std::uint64_t> buckets_;
  std::uint64_t count_ = 0;
  std::uint64_t min_ = 0;
  std::uint64_t max_ = 0;
  double sum_ = 0;
  double squares_ = 0;
};

}  // namespace distsys::roles::loadgen
