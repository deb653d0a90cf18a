#include "histogram.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

namespace distsys::roles::loadgen {
namespace {

constexpr unsigned exact_bits = 11;  // 2^11 = 2,048 values with a bucket each
constexpr std::uint64_t exact = 1u << exact_bits;
constexpr std::uint64_t half = exact / 2;  // buckets a power of two

}  // namespace

histogram::histogram() : buckets_(bucket_of(largest) + 1) {}

std::size_t histogram::bucket_of(std::uint64_t value) noexcept {
  if (value < exact) return value;
  const auto shift = static_cast<unsigned>(std::bit_width(value)) - exact_bits;
  return exact + (shift - 1) * half + ((value >> shift) - half);
}

std::uint64_t histogram::top_of(std::size_t bucket) noexcept {
  if (bucket < exact) return bucket;
  const std::uint64_t above = bucket - exact;
  const std::uint64_t shift = above / half + 1;
  return ((above % half + half + 1) << shift) - 1;
}

void histogram::record(std::uint64_t value) noexcept {
  value = std::min(value, largest);
  ++buckets_[bucket_of(value)];
  min_ = count_ == 0 ? value : std::min(min_, value);
  max_ = std::max(max_, value);
  ++count_;
  const auto v = static_cast<double>(value);
  sum_ += v;
  squares_ += v * v;
}

void histogram::record(std::uint64_t value, std::uint64_t times) noexcept {
  if (times == 0) return;
  value = std::min(value, largest);
  buckets_[bucket_of(value)] += times;
  min_ = count_ == 0 ? value : std::min(min_, value);
  max_ = std::max(max_, value);
  count_ += times;
  const auto v = static_cast<double>(value), n = static_cast<double>(times);
  sum_ += v * n;
  squares_ += v * v * n;
}

void histogram::merge(const histogram& other) noexcept {
  if (other.count_ == 0) return;
  for (std::size_t i = 0; i < buckets_.size(); ++i) buckets_[i] += other.buckets_[i];
  min_ = count_ == 0 ? other.min_ : std::min(min_, other.min_);
  max_ = std::max(max_, other.max_);
  count_ += other.count_;
  sum_ += other.sum_;
  squares_ += other.squares_;
}

double histogram::mean() const noexcept { return count_ == 0 ? 0 : sum_ / static_cast<double>(count_); }

double histogram::deviation() const noexcept {
  if (count_ == 0) return 0;
  const double m = mean();
  return std::sqrt(std::max(0.0, squares_ / static_cast<double>(count_) - m * m));
}

std::uint64_t histogram::percentile(double percent) const noexcept {
  if (count_ == 0) return 0;
  const double wanted = std::ceil(std::clamp(percent, 0.0, 100.0) / 100 * static_cast<double>(count_));
  const auto rank = std::clamp<std::uint64_t>(static_cast<std::uint64_t>(wanted), 1, count_);
  std::uint64_t seen = 0;
  for (std::size_t i = 0; i < buckets_.size(); ++i) {
    seen += buckets_[i];
    if (seen >= rank) return std::clamp(top_of(i), min_, max_);
  }
  return max_;
}

std::span<const std::uint64_t> histogram::counts() const noexcept {
  return {buckets_.data(), count_ == 0 ? 0 : bucket_of(max_) + 1};
}

histogram histogram::corrected(std::uint64_t interval) const {
  histogram out = *this;
  const auto all = counts();
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i] == 0) continue;
    const std::uint64_t value = std::clamp(top_of(i), min_, max_);
    // All that fall into one bucket at once: an interval may be far shorter than a bucket is wide.
    for (std::uint64_t missing = interval + value % interval; missing + interval <= value;) {
      const std::uint64_t last = std::min(top_of(bucket_of(missing)), value - interval);
      const std::uint64_t steps = (last - missing) / interval + 1;
      out.record(missing, all[i] * steps);
      missing += steps * interval;
    }
  }
  return out;
}

histogram::growth histogram::since(std::vector<std::uint64_t>& before) const {
  growth out;
  const auto all = counts();
  if (before.size() < all.size()) before.resize(all.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i] == before[i]) continue;
    out.emplace_back(static_cast<std::uint32_t>(i), static_cast<std::uint32_t>(all[i] - before[i]));
    before[i] = all[i];
  }
  return out;
}

void histogram::add(const growth& g) noexcept {
  for (const auto& [bucket, n] : g) record(top_of(bucket), n);
}

}  // namespace distsys::roles::loadgen
