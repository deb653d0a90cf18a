// The keys that were evicted lately: a fingerprint each, no value.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace distsys::caching {

/// A queue of ghosts as a table: J. Yang et al., "FIFO queues are all you need for cache eviction", SOSP 2023, section
/// 4.2. A ghost is 32 bits of its key's hash and the number of its eviction; it is gone when more than so many came
/// after it, or when its bucket of eight is needed by newer ones. Two keys are taken for one with a chance of 8 in
/// 2^32.
class ghost_table {
 public:
  void reserve(std::size_t entries) {
    const std::size_t buckets = bucket_count(entries);
    if (buckets <= buckets_.size()) return;
    std::vector<bucket> old(buckets);
    old.swap(buckets_);
    for (const bucket& b : old) {
      for (const ghost& g : b.ghosts) {
        if (g.number != 0) put(g);
      }
    }
  }
  static constexpr std::size_t bytes(std::size_t entries) noexcept { return bucket_count(entries) * sizeof(bucket); }

  void add(std::uint64_t hash) noexcept {
    if (++number_ == 0) number_ = 1;  // 0 means none
    put({fingerprint(hash), number_});
  }

  /// True when the key is among the last `most` added; it is taken out.
  bool take(std::uint64_t hash, std::size_t most) noexcept {
    if (buckets_.empty()) return false;
    const std::uint32_t mark = fingerprint(hash);
    for (ghost& g : bucket_of(mark).ghosts) {
      if (g.number == 0 || g.mark != mark) continue;
      const bool young = number_ - g.number < most;
      g.number = 0;
      return young;
    }
    return false;
  }

  /// Its memory goes too.
  void clear() noexcept { buckets_ = {}; }

 private:
  struct ghost {
    std::uint32_t mark = 0, number = 0;
  };
  struct bucket {
    ghost ghosts[8];
  };

  static constexpr std::size_t bucket_count(std::size_t entries) noexcept {
    return entries == 0 ? 0 : std::bit_ceil(entries + 7) / 8;
  }
  // Of all bits: an index and a choice of shards use some as they are. 2^64 / golden ratio.
  static std::uint32_t fingerprint(std::uint64_t hash) noexcept {
    return static_cast<std::uint32_t>(hash * 0x9E3779B97F4A7C15u >> 32);
  }
  bucket& bucket_of(std::uint32_t mark) noexcept { return buckets_[mark & (buckets_.size() - 1)]; }

  void put(ghost g) noexcept {
    if (buckets_.empty()) return;
    ghost* place = nullptr;
    for (ghost& at : bucket_of(g.mark).ghosts) {
      if (at.mark == g.mark && at.number != 0) {  // the key again: its newest eviction counts
        place = &at;
        break;
      }
      if (place == nullptr || age(at) > age(*place)) place = &at;
    }
    *place = g;
  }
  std::uint32_t age(const ghost& g) const noexcept { return g.number == 0 ? ~0u : number_ - g.number; }

  std::vector<bucket> buckets_;  // a power of two
  std::uint32_t number_ = 0;     // of the last eviction; wraps
};

}  // namespace distsys::caching
