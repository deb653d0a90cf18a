#include "entry_map.hpp"

#include <algorithm>
#include <utility>

namespace distsys::adapters::memory {

namespace {

constexpr std::size_t overhead = 256;  // of an entry in its three containers, measured with malloc's rounding

}  // namespace

std::optional<entry_map::position> entry_map::find(std::string_view key, time now) {
  const auto found = index_.find(key);
  if (found == index_.end()) return std::nullopt;
  const position p = found->second;
  if (p->expires <= now) {
    remove(p);
    return std::nullopt;
  }
  return p;
}

void entry_map::remove(position p) {
  bytes_ -= p->size;
  if (p->by_expiry != by_expiry_.end()) by_expiry_.erase(p->by_expiry);
  index_.erase(p->key);
  recent_.erase(p);
}

void entry_map::evict_one(time now) {
  if (!by_expiry_.empty() && by_expiry_.begin()->first <= now) return remove(by_expiry_.begin()->second);
  const position last = std::prev(recent_.end());
  if (!last->value) {
    if (floor_until_ <= now) floor_ = 0;
    floor_ = std::max(floor_, last->version);
    floor_until_ = std::max(floor_until_, last->expires);
  }
  remove(last);
}

result<void> entry_map::put(std::string key, ports::shared_bytes value, std::uint64_t version, time expires, time now) {
  const std::size_t size = overhead + key.size() + (value ? value->size() : 0);
  if (size > max_bytes_)
    return error{errc::no_space,
                 "memory: an entry of " + std::to_string(size) + " bytes in a store of " + std::to_string(max_bytes_)};
  if (const auto old = index_.find(key); old != index_.end()) remove(old->second);
  while (bytes_ + size > max_bytes_) evict_one(now);
  recent_.push_front({std::move(key), std::move(value), version, expires, by_expiry_.end(), size});
  const position p = recent_.begin();
  index_.emplace(p->key, p);
  if (expires != time::max()) p->by_expiry = by_expiry_.emplace(expires, p);
  bytes_ += size;
  return {};
}

ports::shared_bytes entry_map::get(std::string_view key, time now) {
  const auto p = find(key, now);
  if (!p) return nullptr;
  recent_.splice(recent_.begin(), recent_, *p);
  return (*p)->value;
}

result<void> entry_map::set(std::string key, ports::shared_bytes value, std::uint64_t version, time expires, time now) {
  return put(std::move(key), std::move(value), version, expires, now);
}

result<void> entry_map::bury(std::string key, std::uint64_t version, time expires, time now) {
  return put(std::move(key), nullptr, version, expires, now);
}

bool entry_map::erase(std::string_view key, time now) {
  const auto p = find(key, now);
  if (!p) return false;
  const bool was_there = (*p)->value != nullptr;
  remove(*p);
  return was_there;
}

std::optional<std::uint64_t> entry_map::version_of(std::string_view key, time now) {
  if (const auto p = find(key, now)) return (*p)->version;
  return std::nullopt;
}

std::optional<std::uint64_t> entry_map::version_to_beat(std::string_view key, time now) {
  if (const auto stored = version_of(key, now)) return stored;
  if (floor_until_ > now) return floor_;
  return std::nullopt;
}

entry_map::time entry_map::expiry_of(std::string_view key, time now) {
  const auto p = find(key, now);
  return p ? (*p)->expires : time::max();
}

}  // namespace distsys::adapters::memory
