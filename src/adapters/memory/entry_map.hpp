// Keys with values, versions and expiry, bounded in bytes: what the `memory:` store holds.
#pragma once

#include "distsys/foundation/error.hpp"
#include "distsys/ports/kv_store.hpp"
#include "distsys/runtime/clock.hpp"

#include <cstdint>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace distsys::adapters::memory {

/// Not thread-safe. Full: what has expired goes first, then the least recently used.
///
/// A tombstone that has to go early leaves its version behind as a floor: until it would have expired, no key that the
/// map does not know takes that version or an older one. So eviction may refuse a fill, but never lets a stale one win.
class entry_map {
 public:
  using time = runtime::steady_clock::time_point;

  explicit entry_map(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  /// Null when absent, expired or a tombstone.
  ports::shared_bytes get(std::string_view key, time now);
  /// `expires` is time::max() for never. errc::no_space when one entry is larger than the whole map.
  result<void> set(std::string key, ports::shared_bytes value, std::uint64_t version, time expires, time now);
  /// A tombstone.
  result<void> bury(std::string key, std::uint64_t version, time expires, time now);
  bool erase(std::string_view key, time now);
  /// Of what is stored, value or tombstone.
  std::optional<std::uint64_t> version_of(std::string_view key, time now);
  /// What a fill has to beat: that version, or the floor.
  std::optional<std::uint64_t> version_to_beat(std::string_view key, time now);
  /// time::max() when it is absent or does not expire.
  time expiry_of(std::string_view key, time now);

  std::size_t bytes() const noexcept { return bytes_; }
  std::size_t size() const noexcept { return index_.size(); }

 private:
  struct entry {
    std::string key;
    ports::shared_bytes value;  // null: a tombstone
    std::uint64_t version = 0;
    time expires;
    std::multimap<time, std::list<entry>::iterator>::iterator by_expiry;
    std::size_t size = 0;
  };
  using position = std::list<entry>::iterator;

  std::optional<position> find(std::string_view key, time now);
  result<void> put(std::string key, ports::shared_bytes value, std::uint64_t version, time expires, time now);
  void remove(position p);
  void evict_one(time now);

  std::size_t max_bytes_, bytes_ = 0;
  std::list<entry> recent_;  // most recently used first
  std::unordered_map<std::string_view, position> index_;
  std::multimap<time, position> by_expiry_;
  std::uint64_t floor_ = 0;
  time floor_until_ = time::min();
};

}  // namespace distsys::adapters::memory
