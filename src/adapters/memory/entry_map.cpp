#include "entry_map.hpp"

#include "distsys/caching/allocation.hpp"

#include <algorithm>
#include <functional>
#include <limits>
#include <memory>
#include <utility>

namespace distsys::adapters::memory {
namespace {

std::uint64_t hash_of(std::string_view key) noexcept { return std::hash<std::string_view>{}(key); }

}  // namespace

entry_map::~entry_map() {
  index_.for_each_chain([](entry* first) {
    while (first != nullptr) delete std::exchange(first, first->chain);
  });
}

std::size_t entry_map::bytes_of(std::string_view key, const ports::shared_bytes& value, bool expires) {
  using caching::allocated;
  constexpr std::size_t inside = 15;         // what a std::string keeps in itself
  constexpr std::size_t tree_node = 4 * 8;   // links and colour
  constexpr std::size_t control_block = 16;  // of a std::make_shared
  const auto text_bytes = [](std::size_t size) { return size <= inside ? 0 : allocated(size + 1); };
  std::size_t bytes = allocated(sizeof(entry)) + text_bytes(key.size());
  if (value) bytes += allocated(control_block + sizeof(std::string)) + text_bytes(value->size());
  if (expires) bytes += allocated(tree_node + sizeof(expiries::value_type));
  return bytes;
}

std::size_t entry_map::table_bytes(std::size_t buckets) const {
  return buckets * sizeof(entry*) + policy_.metadata_bytes(buckets);
}

entry_map::entry* entry_map::find(std::string_view key, time now) {
  entry* const found = index_.find(key, hash_of(key));
  if (found != nullptr && found->expires <= now) {
    remove(found);
    return nullptr;
  }
  return found;
}

void entry_map::take_out(entry& e) {
  bytes_ -= e.weight;
  if (e.by_expiry != by_expiry_.end()) by_expiry_.erase(e.by_expiry);
  index_.unlink(e);
}

void entry_map::remove(entry* e) {
  policy_.remove(*e);
  take_out(*e);
  delete e;
}

bool entry_map::evict_one(std::size_t incoming, time now) {
  if (!by_expiry_.empty() && by_expiry_.begin()->first <= now) {
    remove(by_expiry_.begin()->second);
    return true;
  }
  const std::unique_ptr<entry> victim(static_cast<entry*>(policy_.evict(incoming)));
  if (!victim) return false;
  if (!victim->value) {
    if (floor_until_ <= now) floor_ = 0;
    floor_ = std::max(floor_, victim->version);
    floor_until_ = std::max(floor_until_, victim->expires);
  }
  take_out(*victim);
  return true;
}

// The tables grow with the number of entries; when there is no room for that either, entries go.
bool entry_map::make_room(std::size_t bytes, time now) {
  for (;;) {
    const std::size_t had = index_.buckets(), wants = index_.buckets_for(index_.size() + 1);
    const std::size_t growth = wants == had ? 0 : table_bytes(wants) - table_bytes(had);
    if (bytes_ + bytes + growth <= max_bytes_) {
      if (growth == 0) return true;
      index_.grow(wants);
      policy_.reserve(wants);
      bytes_ += growth;
      return true;
    }
    if (!evict_one(bytes, now)) return false;
  }
}

result<void> entry_map::put(std::string key, ports::shared_bytes value, std::uint64_t version, time expires, time now) {
  const bool ends = expires != time::max();
  const std::size_t bytes = bytes_of(key, value, ends);
  const auto too_large = [&] {
    return error{errc::no_space,
                 "memory: an entry of " + std::to_string(bytes) + " bytes in a store of " + std::to_string(max_bytes_)};
  };
  if (bytes > max_bytes_ || bytes > std::numeric_limits<std::uint32_t>::max()) return too_large();
  const std::uint64_t hash = hash_of(key);
  std::unique_ptr<entry> e(index_.find(key, hash));
  const bool known = e != nullptr;
  if (known) {
    policy_.remove(*e);
    take_out(*e);
  }
  if (!make_room(bytes, now)) return too_large();
  if (!known) e = std::make_unique<entry>(std::move(key));
  e->hash = hash;
  e->weight = static_cast<std::uint32_t>(bytes);
  e->value = std::move(value);
  e->version = version;
  e->expires = expires;
  e->by_expiry = ends ? by_expiry_.emplace(expires, e.get()) : by_expiry_.end();
  known ? policy_.readmit(*e) : policy_.admit(*e);
  index_.link(*e.release());
  bytes_ += bytes;
  return {};
}

ports::shared_bytes entry_map::get(std::string_view key, time now) {
  entry* const e = find(key, now);
  if (e == nullptr) return nullptr;
  policy_.use(*e);
  return e->value;
}

result<void> entry_map::set(std::string key, ports::shared_bytes value, std::uint64_t version, time expires, time now) {
  return put(std::move(key), std::move(value), version, expires, now);
}

result<void> entry_map::bury(std::string key, std::uint64_t version, time expires, time now) {
  return put(std::move(key), nullptr, version, expires, now);
}

bool entry_map::erase(std::string_view key, time now) {
  entry* const e = find(key, now);
  if (e == nullptr) return false;
  const bool was_there = e->value != nullptr;
  remove(e);
  return was_there;
}

std::optional<std::uint64_t> entry_map::version_of(std::string_view key, time now) {
  if (const entry* e = find(key, now)) return e->version;
  return std::nullopt;
}

std::optional<std::uint64_t> entry_map::version_to_beat(std::string_view key, time now) {
  if (const auto stored = version_of(key, now)) return stored;
  if (floor_until_ > now) return floor_;
  return std::nullopt;
}

entry_map::time entry_map::expiry_of(std::string_view key, time now) {
  const entry* e = find(key, now);
  return e != nullptr ? e->expires : time::max();
}

}  // namespace distsys::adapters::memory
