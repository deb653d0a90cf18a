// Latencies counted in log-linear buckets: three significant digits from 1 us to 1 h in 188 KB, whatever their number.
//
// The layout is that of HdrHistogram (Gil Tene): values below 2,048 have a bucket each; above, every power of two is
// cut into 1,024, so that a bucket is never wider than 1/1,024 of its values.
#pragma once

#include <cstddef>
#include <cstdint>
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

 private:
  static std::size_t bucket_of(std::uint64_t value) noexcept;
  static std::uint64_t top_of(std::size_t bucket) noexcept;

  std::vector<std::uint64_t> buckets_;
  std::uint64_t count_ = 0;
  std::uint64_t min_ = 0;
  std::uint64_t max_ = 0;
  double sum_ = 0;
  double squares_ = 0;
};

}  // namespace distsys::roles::loadgen
