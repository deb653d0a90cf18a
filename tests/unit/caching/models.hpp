// The eviction policies once more, as slow and as plain as can be: what the fast ones are compared with.
#pragma once

#include "distsys/caching/frequency_sketch.hpp"
#include "distsys/caching/ghost_table.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace distsys::caching::models {

struct item {
  int key = 0;
  std::uint64_t hash = 0;
  std::size_t weight = 1;
  unsigned uses = 0;
  std::uint64_t level = 0;  // LFU's
  std::string list;         // where a policy has several
};

/// Items from the oldest to the newest; everything is searched for from the front.
class model {
 public:
  virtual ~model() = default;
  virtual void admit(item i) = 0;
  virtual void readmit(item i) = 0;
  virtual void use(int key) = 0;
  virtual int evict(std::size_t incoming) = 0;  // its key; -1 when there is none
  item remove(int key) {
    const item found = *at(key);
    removed(key);
    items_.erase(at(key));
    return found;
  }

 protected:
  virtual void removed(int /*key*/) {}
  std::vector<item>::iterator at(int key) {
    return std::find_if(items_.begin(), items_.end(), [key](const item& i) { return i.key == key; });
  }
  void to_back(int key) {
    const item i = *at(key);
    items_.erase(at(key));
    items_.push_back(i);
  }
  int first_of(const std::string& list) const {
    for (const item& i : items_) {
      if (i.list == list) return i.key;
    }
    return -1;
  }
  std::size_t weight_of(const std::string& list) const {
    std::size_t sum = 0;
    for (const item& i : items_) sum += i.list == list ? i.weight : 0;
    return sum;
  }
  std::size_t number_of(const std::string& list) const {
    return static_cast<std::size_t>(
        std::count_if(items_.begin(), items_.end(), [&](const item& i) { return i.list == list; }));
  }
  int gone(int key) {
    if (key >= 0) remove(key);
    return key;
  }
  void move_to(int key, const std::string& list) {
    at(key)->list = list;
    to_back(key);
  }

  std::vector<item> items_;
};

class queue : public model {
 public:
  explicit queue(bool used_move_back) : used_move_back_(used_move_back) {}
  void admit(item i) override { items_.push_back(i); }
  void readmit(item i) override { items_.push_back(i); }
  void use(int key) override {
    if (used_move_back_) to_back(key);
  }
  int evict(std::size_t) override { return items_.empty() ? -1 : gone(items_.front().key); }

 private:
  bool used_move_back_;
};

/// LFU with dynamic ageing: the lowest of uses plus age when last used, then the least recently used.
class lfu : public model {
 public:
  void admit(item i) override {
    i.uses = 0;
    items_.push_back(i);
    use(i.key);
  }
  void readmit(item i) override {
    items_.push_back(i);
    use(i.key);
  }
  void use(int key) override {
    to_back(key);
    item& i = items_.back();
    i.uses = std::min(i.uses + 1, 254u);
    i.level = age_ + i.uses;
  }
  int evict(std::size_t) override {
    if (items_.empty()) return -1;
    const auto least =
        std::min_element(items_.begin(), items_.end(), [](const item& a, const item& b) { return a.level < b.level; });
    age_ = least->level;
    return gone(least->key);
  }

 private:
  std::uint64_t age_ = 0;
};

/// Algorithm 1 of the paper. The ghosts are the tested ghost_table.
class s3_fifo : public model {
 public:
  explicit s3_fifo(std::size_t max) : max_small_(std::max<std::size_t>(1, max / 10)) { ghosts_.reserve(1024); }
  void admit(item i) override {
    i.uses = 0;
    i.list = ghosts_.take(i.hash, items_.size() * 9 / 10 + 1) ? "main" : "small";
    items_.push_back(i);
  }
  void readmit(item i) override {
    i.uses = std::min(i.uses + 1, 3u);
    items_.push_back(i);
  }
  void use(int key) override { at(key)->uses = std::min(at(key)->uses + 1, 3u); }
  int evict(std::size_t) override {
    while (!items_.empty()) {
      const int small = first_of("small"), main = first_of("main");
      if (small >= 0 && (weight_of("small") >= max_small_ || main < 0)) {
        if (at(small)->uses <= 1) {
          ghosts_.add(at(small)->hash);
          return gone(small);
        }
        at(small)->uses = 0;
        move_to(small, "main");
      } else {
        if (at(main)->uses == 0) return gone(main);
        --at(main)->uses;
        to_back(main);
      }
    }
    return -1;
  }

 private:
  std::size_t max_small_;
  ghost_table ghosts_;
};

/// The sketch is the tested frequency_sketch.
class w_tinylfu : public model {
 public:
  explicit w_tinylfu(std::size_t max) : max_window_(std::max<std::size_t>(1, max / 100)) {
    max_protected_ = max > max_window_ ? (max - max_window_) / 5 * 4 : 0;
    sketch_.reserve(1024);
  }
  void admit(item i) override {
    i.list = "window";
    sketch_.add(i.hash);
    items_.push_back(i);
    settle();
  }
  void readmit(item i) override {
    sketch_.add(i.hash);
    items_.push_back(i);
    settle();
  }
  void use(int key) override {
    sketch_.add(at(key)->hash);
    if (at(key)->list == "probation") at(key)->list = "protected";
    to_back(key);
    shrink();
  }
  int evict(std::size_t incoming) override {
    if (candidate_ < 0 && number_of("window") > 0 && weight_of("window") + incoming > max_window_) {
      candidate_ = first_of("window");
      move_to(candidate_, "probation");
    }
    int victim = -1;
    for (const item& i : items_) {
      if (victim < 0 && i.list == "probation" && i.key != candidate_) victim = i.key;
    }
    if (victim < 0) victim = first_of("protected");
    if (victim < 0) victim = candidate_ >= 0 ? candidate_ : first_of("window");
    if (victim < 0) return -1;
    if (candidate_ >= 0 && sketch_.frequency(at(candidate_)->hash) <= sketch_.frequency(at(victim)->hash))
      victim = candidate_;
    return gone(victim);
  }

 private:
  void removed(int key) override {
    if (key == candidate_) candidate_ = -1;
  }
  void settle() {
    candidate_ = -1;
    while (weight_of("window") > max_window_ && number_of("window") > 1) move_to(first_of("window"), "probation");
    shrink();
  }
  void shrink() {
    while (weight_of("protected") > max_protected_) move_to(first_of("protected"), "probation");
  }

  std::size_t max_window_, max_protected_;
  frequency_sketch sketch_;
  int candidate_ = -1;
};

inline std::unique_ptr<model> make(std::string_view name, std::size_t max) {
  if (name == "lru") return std::make_unique<queue>(true);
  if (name == "fifo") return std::make_unique<queue>(false);
  if (name == "lfu") return std::make_unique<lfu>();
  if (name == "s3-fifo") return std::make_unique<s3_fifo>(max);
  return std::make_unique<w_tinylfu>(max);
}

}  // namespace distsys::caching::models
