// S3-FIFO: a small queue that new entries must prove themselves in, a main queue, and the ghosts of what did not.
#pragma once

#include "distsys/caching/ghost_table.hpp"
#include "distsys/caching/policy_entry.hpp"

namespace distsys::caching {

/// J. Yang, Y. Zhang, Z. Qiu, Y. Yue, K. V. Rashmi, "FIFO queues are all you need for cache eviction", SOSP 2023,
/// algorithm 1. New entries enter the small queue, a tenth of the weight; what is used there more than once moves to
/// the main one, the rest leaves a ghost. A ghost that comes back enters the main queue, where what was used goes round
/// again, at most three times a use. A hit only counts to three: it writes nothing that another entry reads. Evictions
/// are O(1) amortised over hits.
class s3_fifo_policy {
 public:
  explicit s3_fifo_policy(std::size_t max_weight) noexcept : max_small_(max_weight < 10 ? 1 : max_weight / 10) {}

  void admit(policy_entry& e) noexcept {
    e.count = 0;
    (ghosts_.take(e.hash, max_ghosts()) ? main_ : small_).push_back(e);
  }
  void readmit(policy_entry& e) noexcept {
    use(e);
    list_of(e).push_back(e);
  }
  void use(policy_entry& e) noexcept {
    if (e.count < 3) ++e.count;
  }
  void remove(policy_entry& e) noexcept { list_of(e).unlink(e); }
  policy_entry* evict(std::size_t /*incoming*/) noexcept {
    while (!small_.empty() || !main_.empty()) {
      policy_entry* const e =
          !small_.empty() && (small_.weight() >= max_small_ || main_.empty()) ? from_small() : from_main();
      if (e != nullptr) return e;
    }
    return nullptr;
  }
  void reserve(std::size_t entries) { ghosts_.reserve(entries); }
  static constexpr std::size_t metadata_bytes(std::size_t entries) noexcept { return ghost_table::bytes(entries); }
  void clear() noexcept {
    small_.clear();
    main_.clear();
    ghosts_.clear();
  }

 private:
  weighed_list& list_of(const policy_entry& e) noexcept { return small_.holds(e) ? small_ : main_; }
  // As many ghosts as the main queue holds entries when both queues have their shares.
  std::size_t max_ghosts() const noexcept { return (small_.size() + main_.size()) * 9 / 10 + 1; }

  // Both move the oldest on; what has to go is returned.
  policy_entry* from_small() noexcept {
    policy_entry& e = small_.pop_front();
    if (e.count > 1) {
      e.count = 0;
      main_.push_back(e);
      return nullptr;
    }
    ghosts_.add(e.hash);
    return &e;
  }
  policy_entry* from_main() noexcept {
    policy_entry& e = main_.pop_front();
    if (e.count == 0) return &e;
    --e.count;
    main_.push_back(e);
    return nullptr;
  }

  const std::size_t max_small_;
  weighed_list small_{0}, main_{1};
  ghost_table ghosts_;
};
static_assert(replacement_policy<s3_fifo_policy>);

}  // namespace distsys::caching
