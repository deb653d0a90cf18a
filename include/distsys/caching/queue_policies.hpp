// The two policies of one queue: least recently used goes first, and first in goes first.
#pragma once

#include "distsys/caching/policy_entry.hpp"

namespace distsys::caching {

/// With `used_move_back` LRU, without it FIFO, which a hit costs nothing. A value that is replaced counts as new.
template <bool used_move_back>
class queue_policy {
 public:
  explicit queue_policy(std::size_t /*max_weight*/) noexcept {}

  void admit(policy_entry& e) noexcept { queue_.push_back(e); }
  void readmit(policy_entry& e) noexcept { queue_.push_back(e); }
  void use(policy_entry& e) noexcept {
    if constexpr (used_move_back) queue_.move_to_back(e);
  }
  void remove(policy_entry& e) noexcept { entry_list::unlink(e); }
  policy_entry* evict(std::size_t /*incoming*/) noexcept {
    policy_entry* oldest = queue_.front();
    if (oldest != nullptr) entry_list::unlink(*oldest);
    return oldest;
  }
  void reserve(std::size_t) noexcept {}
  static constexpr std::size_t metadata_bytes(std::size_t) noexcept { return 0; }
  void clear() noexcept { queue_.clear(); }

 private:
  entry_list queue_;
};

using lru_policy = queue_policy<true>;
using fifo_policy = queue_policy<false>;
static_assert(replacement_policy<lru_policy> && replacement_policy<fifo_policy>);

}  // namespace distsys::caching
