// Least frequently used goes first, with ageing.
#pragma once

#include "distsys/caching/policy_entry.hpp"

#include <array>
#include <bit>
#include <memory>

namespace distsys::caching {

/// Frequency lists, as in K. Shah, A. Mitra, D. Matani, "An O(1) algorithm for implementing the LFU cache eviction
/// scheme" (2010), with dynamic ageing (LFU-DA): M. Arlitt, L. Cherkasova, J. Dilley, R. Friedrich, T. Jin, "Evaluating
/// content management techniques for Web proxy caches", ACM SIGMETRICS PER 27(4) (2000). An entry's level is its uses
/// plus the age of the cache when it was last used, and the age is the level of what was evicted last: what was popular
/// once does not stay for ever. Within a level the least recently used goes first. Uses count up to 254, so that levels
/// are a ring of 256 lists and neither a hit nor an eviction searches or allocates.
class lfu_policy {
 public:
  explicit lfu_policy(std::size_t /*max_weight*/) : levels_(std::make_unique<std::array<entry_list, 256>>()) {}

  void admit(policy_entry& e) noexcept {
    e.count = 1;
    place(e);
  }
  void readmit(policy_entry& e) noexcept {
    count(e);
    place(e);
  }
  void use(policy_entry& e) noexcept {
    remove(e);
    readmit(e);
  }
  void remove(policy_entry& e) noexcept {
    entry_list::unlink(e);
    if ((*levels_)[e.place].empty()) used_[e.place / 64] &= ~bit_of(e.place);
  }
  policy_entry* evict(std::size_t /*incoming*/) noexcept {
    const int level = lowest();
    if (level < 0) return nullptr;
    age_ = static_cast<std::uint8_t>(level);
    policy_entry& least = *(*levels_)[age_].front();
    remove(least);
    return &least;
  }
  void reserve(std::size_t) noexcept {}
  static constexpr std::size_t metadata_bytes(std::size_t) noexcept { return 0; }
  void clear() noexcept {
    for (entry_list& l : *levels_) l.clear();
    used_ = {};
    age_ = 0;
  }

 private:
  static constexpr std::uint16_t most_uses = 254;

  static std::uint64_t bit_of(std::uint8_t level) noexcept { return std::uint64_t{1} << (level % 64); }
  static void count(policy_entry& e) noexcept {
    if (e.count < most_uses) ++e.count;
  }
  void place(policy_entry& e) noexcept {
    e.place = static_cast<std::uint8_t>(age_ + e.count);
    (*levels_)[e.place].push_back(e);
    used_[e.place / 64] |= bit_of(e.place);
  }
  // The first level that holds something, from the age on, round the ring; -1 when nothing is held.
  int lowest() const noexcept {
    std::uint64_t word = used_[age_ / 64] & (~std::uint64_t{0} << (age_ % 64));
    for (unsigned i = age_ / 64, n = 0; n <= used_.size(); ++n) {
      if (word != 0) return static_cast<int>(i * 64 + static_cast<unsigned>(std::countr_zero(word)));
      i = (i + 1) % used_.size();
      word = used_[i];
    }
    return -1;
  }

  std::unique_ptr<std::array<entry_list, 256>> levels_;
  std::array<std::uint64_t, 4> used_{};  // a bit a level that holds something
  std::uint8_t age_ = 0;                 // a level, as its place in the ring
};
static_assert(replacement_policy<lfu_policy>);

}  // namespace distsys::caching
