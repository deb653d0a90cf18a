// Finds entries by key: a hash table whose chains run through the entries themselves.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

namespace distsys::caching {

/// An Entry has `Entry* chain`, `std::uint64_t hash` and `key()`. The table owns none of them, costs a pointer a bucket
/// and never more than one entry a bucket on average. One thread.
template <class Entry>
class entry_index {
 public:
  std::size_t size() const noexcept { return size_; }
  std::size_t buckets() const noexcept { return table_.size(); }
  /// The buckets that so many entries want; never fewer than there are.
  std::size_t buckets_for(std::size_t entries) const noexcept {
    return entries <= table_.size() ? table_.size() : std::bit_ceil(entries < 8 ? 8 : entries);
  }

  Entry* find(std::string_view key, std::uint64_t hash) const noexcept {
    if (table_.empty()) return nullptr;
    for (Entry* e = table_[place(hash)]; e != nullptr; e = e->chain) {
      if (e->hash == hash && e->key() == key) return e;
    }
    return nullptr;
  }

  /// There must be a bucket: grow() first.
  void link(Entry& e) noexcept {
    e.chain = std::exchange(table_[place(e.hash)], &e);
    ++size_;
  }
  /// Of an entry that is in.
  void unlink(Entry& e) noexcept {
    Entry** at = &table_[place(e.hash)];
    while (*at != &e) at = &(*at)->chain;
    *at = e.chain;
    --size_;
  }

  void grow(std::size_t buckets) {
    std::vector<Entry*> old(buckets);
    old.swap(table_);
    size_ = 0;
    for (Entry* first : old) {
      while (first != nullptr) link(*std::exchange(first, first->chain));
    }
  }

  /// Unlinks every entry that `unwanted` is true of, and returns them as one chain. O(buckets).
  template <class Predicate>
  Entry* take_if(Predicate unwanted) {
    Entry* gone = nullptr;
    for (Entry*& bucket : table_) {
      for (Entry** at = &bucket; *at != nullptr;) {
        Entry* const e = *at;
        if (!unwanted(std::as_const(*e))) {
          at = &e->chain;
          continue;
        }
        *at = e->chain;
        e->chain = std::exchange(gone, e);
        --size_;
      }
    }
    return gone;
  }

  template <class Function>
  void for_each_chain(Function f) {
    for (Entry* first : table_) f(first);
  }

  void clear() noexcept {
    table_ = {};
    size_ = 0;
  }

 private:
  std::size_t place(std::uint64_t hash) const noexcept { return hash & (table_.size() - 1); }

  std::vector<Entry*> table_;  // a power of two
  std::size_t size_ = 0;
};

}  // namespace distsys::caching
