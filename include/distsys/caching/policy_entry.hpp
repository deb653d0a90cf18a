// What an eviction policy keeps inside an entry, and the lists that it keeps entries in.
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>

namespace distsys::caching {

struct entry_links {
  entry_links* next = nullptr;
  entry_links* prev = nullptr;
};

/// The base of an owner's entry, in which a policy links it: no node and no allocation beside it. The owner sets `hash`
/// and `weight` before it admits the entry and leaves them alone while it is in; the rest is the policy's.
struct policy_entry : entry_links {
  std::uint64_t hash = 0;    // of the key, all 64 bits good
  std::uint32_t weight = 1;  // bytes, or 1 where entries are counted
  std::uint16_t count = 0;   // uses, as far as the policy counts them
  std::uint8_t place = 0;    // which of the policy's lists
};

/// What every policy offers. One thread. An owner keeps the entries and finds them by key; the policy only orders them:
///   - admit: a new entry. readmit: one that was removed comes back with another value or weight, and keeps its
///   standing.
///   - use: a hit. Never allocates.
///   - remove: the owner drops an entry for reasons of its own.
///   - evict: chooses the entry that makes room for `incoming` more weight, and removes it; null when there is none.
///     The owner makes room before it admits: what was admitted last is never what goes.
///   - reserve: memory for what the policy remembers beside the entries, for so many of them; it forgets nothing.
///     metadata_bytes is what that takes.
///   - clear: forgets everything, that memory too.
/// Every operation is O(1), amortised where noted.
template <class P>
concept replacement_policy = std::constructible_from<P, std::size_t> &&  // the most weight
                             requires(P p, policy_entry& e, std::size_t n) {
                               p.admit(e);
                               p.readmit(e);
                               p.use(e);
                               p.remove(e);
                               { p.evict(n) } -> std::same_as<policy_entry*>;
                               p.reserve(n);
                               { P::metadata_bytes(n) } -> std::same_as<std::size_t>;
                               p.clear();
                             };

/// Entries from the oldest (front) to the newest (back). Does not own them.
class entry_list {
 public:
  entry_list() noexcept { clear(); }
  entry_list(const entry_list&) = delete;  // entries point at it
  entry_list& operator=(const entry_list&) = delete;

  bool empty() const noexcept { return ends_.next == &ends_; }
  policy_entry* front() const noexcept { return empty() ? nullptr : static_cast<policy_entry*>(ends_.next); }
  void push_back(policy_entry& e) noexcept {
    e.next = &ends_;
    e.prev = ends_.prev;
    ends_.prev->next = &e;
    ends_.prev = &e;
  }
  static void unlink(policy_entry& e) noexcept {
    e.prev->next = e.next;
    e.next->prev = e.prev;
  }
  void move_to_back(policy_entry& e) noexcept {
    unlink(e);
    push_back(e);
  }
  void clear() noexcept { ends_.next = ends_.prev = &ends_; }

 private:
  entry_links ends_;
};

/// The same, which knows its size and weight, and marks its entries with its number.
class weighed_list {
 public:
  explicit weighed_list(std::uint8_t number) noexcept : number_(number) {}

  bool empty() const noexcept { return list_.empty(); }
  policy_entry* front() const noexcept { return list_.front(); }
  bool holds(const policy_entry& e) const noexcept { return e.place == number_; }
  std::size_t size() const noexcept { return size_; }
  std::size_t weight() const noexcept { return weight_; }

  void push_back(policy_entry& e) noexcept {
    e.place = number_;
    list_.push_back(e);
    ++size_;
    weight_ += e.weight;
  }
  void unlink(policy_entry& e) noexcept {
    entry_list::unlink(e);
    --size_;
    weight_ -= e.weight;
  }
  /// Not of an empty list.
  policy_entry& pop_front() noexcept {
    policy_entry& e = *list_.front();
    unlink(e);
    return e;
  }
  void move_to_back(policy_entry& e) noexcept { list_.move_to_back(e); }
  void clear() noexcept {
    list_.clear();
    size_ = weight_ = 0;
  }

 private:
  entry_list list_;
  std::size_t size_ = 0, weight_ = 0;
  const std::uint8_t number_;
};

}  // namespace distsys::caching
