// A map that never holds more bytes than it is given: least recently used goes first, and entries expire.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <string>
#include <string_view>
#include <unordered_map>
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
template <class Value>
class bounded_map {
 public:
  /// What an entry costs beside its key's and value's bytes: two heap nodes with the allocator's header, and its
  /// bucket.
  static constexpr std::size_t overhead_bytes();

  explicit bounded_map(std::size_t max_bytes) : max_bytes_(max_bytes) {}
  bounded_map(const bounded_map&) = delete;  // the index refers to the entries' keys
  bounded_map& operator=(const bounded_map&) = delete;

  /// The value, which becomes the most recently used; null when absent or expired. Valid until the next insert, erase
  /// or find.
  Value* find(std::string_view key, time_point now);

  /// Replaces what is there. `value_bytes` is what the value holds on the heap. False (and the key is absent
  /// afterwards) when the entry alone is over the limit.
  bool insert(std::string_view key, Value value, std::size_t value_bytes, time_point expires = time_point::max());

  bool erase(std::string_view key);
  /// Removes every entry that `unwanted(key, value)` is true of, and returns their number. O(size).
  template <class Predicate>
  std::size_t erase_if(Predicate unwanted);
  void clear();

  std::size_t size() const noexcept { return entries_.size(); }
  std::size_t bytes() const noexcept { return bytes_; }
  std::size_t max_bytes() const noexcept { return max_bytes_; }
  const map_statistics& statistics() const noexcept { return statistics_; }

 private:
  struct entry {
    std::string key;
    Value value;
    std::size_t bytes;
    time_point expires;
  };
  using position = typename std::list<entry>::iterator;

  // A std::string keeps short keys in itself.
  static std::size_t key_bytes(std::string_view key) {
    return key.size() < sizeof(std::string) / 2 ? 0 : key.size() + 1;
  }
  void remove(position at);

  const std::size_t max_bytes_;
  std::size_t bytes_ = 0;
  std::list<entry> entries_;  // most recently used first
  std::unordered_map<std::string_view, position> index_;
  map_statistics statistics_;
};

template <class Value>
constexpr std::size_t bounded_map<Value>::overhead_bytes() {
  constexpr std::size_t allocator_header = 16;
  constexpr std::size_t list_node = sizeof(entry) + 2 * sizeof(void*);
  constexpr std::size_t index_node =
      sizeof(std::pair<const std::string_view, position>) + sizeof(void*) + sizeof(std::size_t);
  return list_node + index_node + 2 * allocator_header + sizeof(void*);
}

template <class Value>
Value* bounded_map<Value>::find(std::string_view key, time_point now) {
  const auto found = index_.find(key);
  if (found == index_.end()) return nullptr;
  const position at = found->second;
  if (at->expires <= now) {
    ++statistics_.expirations;
    remove(at);
    return nullptr;
  }
  entries_.splice(entries_.begin(), entries_, at);
  return &at->value;
}

template <class Value>
bool bounded_map<Value>::insert(std::string_view key, Value value, std::size_t value_bytes, time_point expires) {
  erase(key);
  const std::size_t bytes = overhead_bytes() + key_bytes(key) + value_bytes;
  if (bytes > max_bytes_) return false;
  while (bytes_ + bytes > max_bytes_) {
    ++statistics_.evictions;
    remove(std::prev(entries_.end()));
  }
  entries_.push_front(entry{std::string(key), std::move(value), bytes, expires});
  index_.emplace(entries_.front().key, entries_.begin());
  bytes_ += bytes;
  return true;
}

template <class Value>
bool bounded_map<Value>::erase(std::string_view key) {
  const auto found = index_.find(key);
  if (found == index_.end()) return false;
  remove(found->second);
  return true;
}

template <class Value>
template <class Predicate>
std::size_t bounded_map<Value>::erase_if(Predicate unwanted) {
  const std::size_t before = entries_.size();
  for (position at = entries_.begin(); at != entries_.end();) {
    const position here = at++;
    if (unwanted(std::string_view(here->key), std::as_const(here->value))) remove(here);
  }
  return before - entries_.size();
}

template <class Value>
void bounded_map<Value>::clear() {
  index_.clear();
  entries_.clear();
  bytes_ = 0;
}

template <class Value>
void bounded_map<Value>::remove(position at) {
  bytes_ -= at->bytes;
  index_.erase(std::string_view(at->key));
  entries_.erase(at);
}

}  // namespace distsys::caching
