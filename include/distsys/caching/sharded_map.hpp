// A bounded map that every loop may use: equal parts, each behind its own lock.
#pragma once

#include "distsys/caching/bounded_map.hpp"

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

namespace distsys::caching {

/// Any thread. Values are copied out under a lock: keep them small (a shared_ptr). Each part has an equal share of the
/// bytes, so that an entry larger than a share is not kept.
template <class Value>
class sharded_map {
 public:
  struct totals {
    std::size_t entries = 0, bytes = 0;
    map_statistics statistics;
  };

  sharded_map(std::size_t max_bytes, std::size_t shards, eviction how = default_eviction) {
    shards = shards == 0 ? 1 : shards;
    shards_.reserve(shards);
    for (std::size_t i = 0; i < shards; ++i) shards_.push_back(std::make_unique<shard>(max_bytes / shards, how));
  }

  /// Counts as a use.
  std::optional<Value> find(std::string_view key, time_point now) {
    const std::uint64_t hash = map::hash_of(key);
    shard& s = shard_of(hash);
    const std::scoped_lock lock(s.mutex);
    const Value* found = s.map.find(key, hash, now);
    return found ? std::optional<Value>(*found) : std::nullopt;
  }

  /// The same without counting as a use.
  std::optional<Value> peek(std::string_view key, time_point now) const {
    const shard& s = shard_of(map::hash_of(key));
    const std::scoped_lock lock(s.mutex);
    const Value* found = s.map.peek(key, now);
    return found ? std::optional<Value>(*found) : std::nullopt;
  }

  /// `still_wanted()` is asked under the lock that erase_if takes: a value that lost a race is not kept.
  template <class Predicate>
  bool insert_if(Predicate still_wanted, std::string_view key, Value value, std::size_t value_bytes,
                 time_point expires) {
    const std::uint64_t hash = map::hash_of(key);
    shard& s = shard_of(hash);
    const std::scoped_lock lock(s.mutex);
    return still_wanted() && s.map.insert(key, hash, std::move(value), value_bytes, expires);
  }

  bool erase(std::string_view key) {
    shard& s = shard_of(map::hash_of(key));
    const std::scoped_lock lock(s.mutex);
    return s.map.erase(key);
  }

  template <class Predicate>
  std::size_t erase_if(Predicate unwanted) {
    std::size_t erased = 0;
    for (const auto& s : shards_) {
      const std::scoped_lock lock(s->mutex);
      erased += s->map.erase_if(unwanted);
    }
    return erased;
  }

  totals read() const {
    totals t;
    for (const auto& s : shards_) {
      const std::scoped_lock lock(s->mutex);
      t.entries += s->map.size();
      t.bytes += s->map.bytes();
      t.statistics.evictions += s->map.statistics().evictions;
      t.statistics.expirations += s->map.statistics().expirations;
    }
    return t;
  }

 private:
  using map = bounded_map<Value>;
  struct alignas(64) shard {
    shard(std::size_t max_bytes, eviction how) : map(max_bytes, how) {}
    mutable std::mutex mutex;
    bounded_map<Value> map;
  };
  // The index of a part uses the low bits.
  shard& shard_of(std::uint64_t hash) const { return *shards_[(hash >> 40) % shards_.size()]; }

  std::vector<std::unique_ptr<shard>> shards_;
};

}  // namespace distsys::caching
