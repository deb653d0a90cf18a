// Keys with values, versions and expiry, bounded in bytes: what the `memory:` store holds.
#pragma once

#include "distsys/caching/any_policy.hpp"
#include "distsys/caching/entry_index.hpp"
#include "distsys/foundation/error.hpp"
#include "distsys/ports/kv_store.hpp"
#include "distsys/runtime/clock.hpp"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace distsys::adapters::memory {

/// Not thread-safe. Full: what has expired goes first, then what the eviction policy chooses.
///
/// A tombstone that has to go early leaves its version behind as a floor: until it would have expired, no key that the
/// map does not know takes that version or an older one. So eviction may refuse a fill, but never lets a stale one win.
class entry_map {
 public:
  using time = runtime::steady_clock::time_point;

  explicit entry_map(std::size_t max_bytes, caching::eviction how = caching::default_eviction)
      : max_bytes_(max_bytes), policy_(how, max_bytes) {}
  entry_map(const entry_map&) = delete;
  entry_map& operator=(const entry_map&) = delete;
  ~entry_map();

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

  /// As the heap counts them: keys, values, nodes, the index, and what the policy remembers.
  std::size_t bytes() const noexcept { return bytes_; }
  std::size_t size() const noexcept { return index_.size(); }

 private:
  struct entry;
  using expiries = std::multimap<time, entry*>;
  struct entry : caching::policy_entry {
    explicit entry(std::string k) : name(std::move(k)) {}
    const std::string& key() const noexcept { return name; }

    entry* chain = nullptr;
    const std::string name;
    ports::shared_bytes value;  // null: a tombstone
    std::uint64_t version = 0;
    time expires{};
    expiries::iterator by_expiry;
  };

  static std::size_t bytes_of(std::string_view key, const ports::shared_bytes& value, bool expires);
  std::size_t table_bytes(std::size_t buckets) const;

  entry* find(std::string_view key, time now);
  result<void> put(std::string key, ports::shared_bytes value, std::uint64_t version, time expires, time now);
  bool make_room(std::size_t bytes, time now);
  bool evict_one(std::size_t incoming, time now);
  void take_out(entry& e);  // of index and expiries, not of the policy
  void remove(entry* e);

  const std::size_t max_bytes_;
  std::size_t bytes_ = 0;
  caching::any_policy policy_;
  caching::entry_index<entry> index_;
  expiries by_expiry_;
  std::uint64_t floor_ = 0;
  time floor_until_ = time::min();
};

}  // namespace distsys::adapters::memory
