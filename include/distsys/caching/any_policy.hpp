// A policy chosen when the program runs.
#pragma once

#include "distsys/caching/eviction.hpp"
#include "distsys/caching/lfu_policy.hpp"
#include "distsys/caching/queue_policies.hpp"
#include "distsys/caching/s3_fifo_policy.hpp"
#include "distsys/caching/w_tinylfu_policy.hpp"

#include <utility>
#include <variant>

namespace distsys::caching {

/// One of the five, in place: a branch where a virtual call would be, so that a hit is inlined.
class any_policy {
 public:
  any_policy(eviction how, std::size_t max_weight) : how_(how), policy_(std::in_place_type<lru_policy>, max_weight) {
    make(max_weight);
  }

  eviction how() const noexcept { return how_; }
  void admit(policy_entry& e) {
    std::visit([&e](auto& p) { p.admit(e); }, policy_);
  }
  void readmit(policy_entry& e) {
    std::visit([&e](auto& p) { p.readmit(e); }, policy_);
  }
  void use(policy_entry& e) {
    std::visit([&e](auto& p) { p.use(e); }, policy_);
  }
  void remove(policy_entry& e) {
    std::visit([&e](auto& p) { p.remove(e); }, policy_);
  }
  policy_entry* evict(std::size_t incoming) {
    return std::visit([incoming](auto& p) { return p.evict(incoming); }, policy_);
  }
  void reserve(std::size_t entries) {
    std::visit([entries](auto& p) { p.reserve(entries); }, policy_);
  }
  std::size_t metadata_bytes(std::size_t entries) const {
    return std::visit([entries](auto& p) { return p.metadata_bytes(entries); }, policy_);
  }
  void clear() {
    std::visit([](auto& p) { p.clear(); }, policy_);
  }

 private:
  void make(std::size_t max_weight) {
    switch (how_) {
      case eviction::lru:
        break;
      case eviction::lfu:
        policy_.emplace<lfu_policy>(max_weight);
        break;
      case eviction::fifo:
        policy_.emplace<fifo_policy>(max_weight);
        break;
      case eviction::s3_fifo:
        policy_.emplace<s3_fifo_policy>(max_weight);
        break;
      case eviction::w_tinylfu:
        policy_.emplace<w_tinylfu_policy>(max_weight);
        break;
    }
  }

  const eviction how_;
  std::variant<lru_policy, lfu_policy, fifo_policy, s3_fifo_policy, w_tinylfu_policy> policy_;
};

}  // namespace distsys::caching
