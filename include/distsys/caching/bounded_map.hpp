// A map that never holds more bytes than it is given: a policy chooses what goes, and entries expire.
#pragma once

#include "distsys/caching/allocation.hpp"
#include "distsys/caching/any_policy.hpp"
#include "distsys/caching/entry_index.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>
#include <limits>
#include <new>
#include <string_view>
#include <utility>

namespace distsys::caching {

using time_point = std::chrono::steady_clock::time_point;

/// What happened to a map since it was made.
struct map_statistics {
  std::uint64_t evictions = 0;    // made room for another
  std::uint64_t expirations = 0;  // found after their time
};

/// Belongs to one thread, or to a lock. Time is given by the caller, so that one request sees one time and tests need
/// not wait. Lookup and insertion are O(1). An expired entry is removed when it is looked up, or evicted like others.
/// An entry is one allocation, with its key in it; bytes() counts the entries as the heap does, the index and what the
/// policy remembers beside the entries (not the map itself, nor LFU's 4 KiB of lists).
template <class Value>
class bounded_map {
 public:
  explicit bounded_map(std::size_t max_bytes, eviction how = default_eviction)
      : max_bytes_(max_bytes), policy_(how, max_bytes) {}
  bounded_map(const bounded_map&) = delete;
  bounded_map& operator=(const bounded_map&) = delete;
  ~bounded_map() { destroy_all(); }

  static std::uint64_t hash_of(std::string_view key) noexcept { return std::hash<std::string_view>{}(key); }
  /// What an entry costs, without its share of the index. `value_bytes` is what its value holds on the heap
  /// (allocated() tells what the heap makes of a size).
  static constexpr std::size_t entry_bytes(std::size_t key_size, std::size_t value_bytes) noexcept {
    return allocated(sizeof(entry) + key_size) + value_bytes;
  }

  /// The value, which counts as used; null when absent or expired. Valid until the next insert, erase or find.
  Value* find(std::string_view key, time_point now) { return find(key, hash_of(key), now); }
  Value* find(std::string_view key, std::uint64_t hash, time_point now);
  /// The same without counting as a use, and without removing what has expired.
  const Value* peek(std::string_view key, time_point now) const;

  /// Replaces what is there, which keeps its standing with the policy. False (and the key is absent afterwards) when
  /// the entry alone is over the limit, or 4 GiB.
  bool insert(std::string_view key, Value value, std::size_t value_bytes, time_point expires = time_point::max()) {
    return insert(key, hash_of(key), std::move(value), value_bytes, expires);
  }
  bool insert(std::string_view key, std::uint64_t hash, Value value, std::size_t value_bytes, time_point expires);

  bool erase(std::string_view key);
  /// Removes every entry that `unwanted(key, value)` is true of, and returns their number. O(size).
  template <class Predicate>
  std::size_t erase_if(Predicate unwanted);
  void clear();

  std::size_t size() const noexcept { return index_.size(); }
  std::size_t bytes() const noexcept { return bytes_; }
  std::size_t max_bytes() const noexcept { return max_bytes_; }
  eviction how() const noexcept { return policy_.how(); }
  const map_statistics& statistics() const noexcept { return statistics_; }

 private:
  // The key's bytes follow it in its allocation.
  struct entry : policy_entry {
    entry* chain = nullptr;
    time_point expires;
    std::uint32_t key_size = 0;
    Value value;

    entry(Value v, time_point e) : expires(e), value(std::move(v)) {}
    std::string_view key() const noexcept { return {reinterpret_cast<const char*>(this + 1), key_size}; }
  };
  static_assert(alignof(entry) <= __STDCPP_DEFAULT_NEW_ALIGNMENT__);

  static entry* make(std::string_view key, std::uint64_t hash, Value value, time_point expires);
  static void destroy(entry* e) noexcept;
  static void destroy_chain(entry* first) noexcept;
  void destroy_all() noexcept { index_.for_each_chain(&destroy_chain); }
  // Out of the policy and of the bytes; it has left the index.
  entry* forget(entry* e);
  // What the index and the policy take when the index has so many buckets.
  std::size_t table_bytes(std::size_t buckets) const {
    return buckets * sizeof(entry*) + policy_.metadata_bytes(buckets);
  }
  bool make_room(std::size_t bytes);

  const std::size_t max_bytes_;
  std::size_t bytes_ = 0;
  any_policy policy_;
  entry_index<entry> index_;
  map_statistics statistics_;
};

template <class Value>
auto bounded_map<Value>::make(std::string_view key, std::uint64_t hash, Value value, time_point expires) -> entry* {
  void* const room = ::operator new(sizeof(entry) + key.size());
  auto* const made = ::new (room) entry(std::move(value), expires);
  made->hash = hash;
  made->key_size = static_cast<std::uint32_t>(key.size());
  if (!key.empty()) std::memcpy(static_cast<void*>(made + 1), key.data(), key.size());
  return made;
}

template <class Value>
void bounded_map<Value>::destroy(entry* e) noexcept {
  e->~entry();
  ::operator delete(static_cast<void*>(e));
}

template <class Value>
void bounded_map<Value>::destroy_chain(entry* first) noexcept {
  while (first != nullptr) destroy(std::exchange(first, first->chain));
}

template <class Value>
auto bounded_map<Value>::forget(entry* e) -> entry* {
  policy_.remove(*e);
  bytes_ -= e->weight;
  return e;
}

template <class Value>
Value* bounded_map<Value>::find(std::string_view key, std::uint64_t hash, time_point now) {
  entry* const found = index_.find(key, hash);
  if (found == nullptr) return nullptr;
  if (found->expires <= now) {
    ++statistics_.expirations;
    index_.unlink(*found);
    destroy(forget(found));
    return nullptr;
  }
  policy_.use(*found);
  return &found->value;
}

template <class Value>
const Value* bounded_map<Value>::peek(std::string_view key, time_point now) const {
  const entry* const found = index_.find(key, hash_of(key));
  return found != nullptr && found->expires > now ? &found->value : nullptr;
}

// The index and the policy's memory grow together; when what they need is not there, entries go, and then it may no
// longer be needed.
template <class Value>
bool bounded_map<Value>::make_room(std::size_t bytes) {
  for (;;) {
    const std::size_t now = index_.buckets(), then = index_.buckets_for(size() + 1);
    const std::size_t growth = then == now ? 0 : table_bytes(then) - table_bytes(now);
    if (bytes_ + bytes + growth <= max_bytes_) {
      if (growth == 0) return true;
      index_.grow(then);
      policy_.reserve(then);
      bytes_ += growth;
      return true;
    }
    auto* const victim = static_cast<entry*>(policy_.evict(bytes));
    if (victim == nullptr) return false;
    ++statistics_.evictions;
    bytes_ -= victim->weight;
    index_.unlink(*victim);
    destroy(victim);
  }
}

template <class Value>
bool bounded_map<Value>::insert(std::string_view key, std::uint64_t hash, Value value, std::size_t value_bytes,
                                time_point expires) {
  entry* known = index_.find(key, hash);
  if (known != nullptr) {
    index_.unlink(*known);
    forget(known);
  }
  const std::size_t bytes = entry_bytes(key.size(), value_bytes);
  if (bytes > max_bytes_ || bytes > std::numeric_limits<std::uint32_t>::max() || !make_room(bytes)) {
    if (known != nullptr) destroy(known);
    return false;
  }
  entry* e = known;
  if (known == nullptr) {
    e = make(key, hash, std::move(value), expires);
  } else {
    e->value = std::move(value);
    e->expires = expires;
  }
  e->weight = static_cast<std::uint32_t>(bytes);
  known == nullptr ? policy_.admit(*e) : policy_.readmit(*e);
  index_.link(*e);
  bytes_ += bytes;
  return true;
}

template <class Value>
bool bounded_map<Value>::erase(std::string_view key) {
  entry* const found = index_.find(key, hash_of(key));
  if (found == nullptr) return false;
  index_.unlink(*found);
  destroy(forget(found));
  return true;
}

template <class Value>
template <class Predicate>
std::size_t bounded_map<Value>::erase_if(Predicate unwanted) {
  const std::size_t before = size();
  entry* gone = index_.take_if([&](const entry& e) { return unwanted(e.key(), std::as_const(e.value)); });
  for (entry* e = gone; e != nullptr; e = e->chain) forget(e);
  destroy_chain(gone);
  return before - size();
}

template <class Value>
void bounded_map<Value>::clear() {
  destroy_all();
  index_.clear();
  policy_.clear();
  bytes_ = 0;
}

}  // namespace distsys::caching
