// W-TinyLFU: a small window for what is new, and a main part that admits only what is asked for more often.
#pragma once

#include "distsys/caching/frequency_sketch.hpp"
#include "distsys/caching/policy_entry.hpp"

namespace distsys::caching {

/// G. Einziger, R. Friedman, B. Manes, "TinyLFU: a highly efficient cache admission policy", ACM TOS 13(4) (2017), with
/// its best setting for all-round use: a window of 1 % (LRU) and a segmented LRU of 99 %, 80 % of which is protected.
/// What leaves the window of a full cache meets the least recent entry of the main part's probation; of the two the one
/// that the sketch has seen less goes, the newcomer when they are equal. One use in the main part protects an entry.
class w_tinylfu_policy {
 public:
  explicit w_tinylfu_policy(std::size_t max_weight) noexcept
      : max_window_(max_weight < 100 ? 1 : max_weight / 100),
        max_protected_((max_weight - std::min(max_weight, max_window_)) / 5 * 4) {}

  void admit(policy_entry& e) noexcept {
    sketch_.add(e.hash);
    window_.push_back(e);
    settle();
  }
  void readmit(policy_entry& e) noexcept {
    sketch_.add(e.hash);
    list_of(e).push_back(e);
    settle();
  }
  void use(policy_entry& e) noexcept {
    sketch_.add(e.hash);
    if (!probation_.holds(e)) return list_of(e).move_to_back(e);
    probation_.unlink(e);
    protected_.push_back(e);
    shrink_protected();
  }
  void remove(policy_entry& e) noexcept {
    if (candidate_ == &e) candidate_ = nullptr;
    list_of(e).unlink(e);
  }
  policy_entry* evict(std::size_t incoming) noexcept {
    if (candidate_ == nullptr && !window_.empty() && window_.weight() + incoming > max_window_) {
      candidate_ = &window_.pop_front();
      probation_.push_back(*candidate_);
    }
    policy_entry* victim = oldest_of_main();
    if (victim == nullptr) victim = candidate_ != nullptr ? candidate_ : window_.front();
    if (victim == nullptr) return nullptr;
    if (candidate_ != nullptr && sketch_.frequency(candidate_->hash) <= sketch_.frequency(victim->hash))
      victim = candidate_;
    remove(*victim);
    return victim;
  }
  void reserve(std::size_t entries) { sketch_.reserve(entries); }
  static constexpr std::size_t metadata_bytes(std::size_t entries) noexcept { return frequency_sketch::bytes(entries); }
  void clear() noexcept {
    for (weighed_list* l : {&window_, &probation_, &protected_}) l->clear();
    sketch_.clear();
    candidate_ = nullptr;
  }

 private:
  weighed_list& list_of(const policy_entry& e) noexcept {
    return window_.holds(e) ? window_ : probation_.holds(e) ? probation_ : protected_;
  }
  // What goes next from the main part, the candidate apart.
  policy_entry* oldest_of_main() const noexcept {
    policy_entry* const first = probation_.front();
    return first != nullptr && first != candidate_ ? first : protected_.front();
  }
  // There was room: what the window has too much of moves on without a contest. The newest stays, however large.
  void settle() noexcept {
    candidate_ = nullptr;
    while (window_.weight() > max_window_ && window_.size() > 1) probation_.push_back(window_.pop_front());
    shrink_protected();
  }
  void shrink_protected() noexcept {
    while (protected_.weight() > max_protected_) probation_.push_back(protected_.pop_front());
  }

  const std::size_t max_window_, max_protected_;
  weighed_list window_{0}, probation_{1}, protected_{2};
  frequency_sketch sketch_;
  policy_entry* candidate_ = nullptr;  // has left the window, and competes for a place; at the end of probation
};
static_assert(replacement_policy<w_tinylfu_policy>);

}  // namespace distsys::caching
