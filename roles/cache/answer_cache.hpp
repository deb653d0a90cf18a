// The answers that are kept: found by the bytes of a query or by its normal form, dropped when a change touches them.
#pragma once

#include "answer.hpp"

#include "distsys/caching/sharded_map.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <span>
#include <string_view>
#include <vector>

namespace distsys::roles::cache {

/// Any loop. Two layers: each loop has its own front from a query string as received to an answer, without a lock and
/// without parsing; behind it one map from the normal form, which owns the answers and their bytes.
///
/// How stale an answer can be: a change is announced (announce), read, and applied (apply, settle). From the
/// announcement on nothing older is served or kept; before it, and where announcements fail, an answer is at most `ttl`
/// old.
class answer_cache {
 public:
  /// `ttl` of zero keeps nothing.
  answer_cache(std::size_t max_bytes, std::chrono::steady_clock::duration ttl, unsigned loops);

  std::chrono::steady_clock::duration ttl() const noexcept { return ttl_; }

  /// By the query as received, from the calling loop's front. Null: parse and ask find().
  shared_answer find_spelling(std::string_view encoded_query, time_point now);
  shared_answer find(std::string_view key, time_point now);
  /// The next find_spelling on this loop finds it.
  void remember_spelling(std::string_view encoded_query, const shared_answer& a);

  /// Taken before the database is read; given back with what was read.
  std::uint64_t begin_fill() const;
  /// False when it is not kept: a change since begin_fill() touches it, it is too large, or nothing is kept.
  bool fill(std::uint64_t begun, const shared_answer& a);

  /// A change has been committed; which one is not yet known. Until settle() nothing is found.
  void announce() noexcept;
  /// Drops what these changes touch.
  void apply(std::span<const touch> changes);
  void settle() noexcept { announced_.store(false, std::memory_order_release); }
  /// Drops everything.
  void clear();

  /// Differs after each announcement: loads begun in different epochs must not be shared.
  std::uint64_t epoch() const noexcept { return epoch_.load(std::memory_order_acquire); }
  bool announced() const noexcept { return announced_.load(std::memory_order_acquire); }

  caching::sharded_map<shared_answer>::totals totals() const { return answers_.read(); }
  std::uint64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); }

 private:
  struct spelling {
    std::weak_ptr<const answer> what;  // the map behind owns the bytes, and only it
    unsigned hits = 0;
  };
  using front = caching::bounded_map<spelling>;

  bool outrun(std::uint64_t begun, const answer& a) const;

  const std::chrono::steady_clock::duration ttl_;
  std::vector<std::unique_ptr<front>> fronts_;  // by loop
  caching::sharded_map<shared_answer> answers_;
  std::atomic<bool> announced_{false};
  std::atomic<std::uint64_t> epoch_{0}, dropped_{0};

  mutable std::mutex mutex_;     // of what follows; taken inside a shard's lock
  std::deque<touch> recent_;     // the last changes, for fills that are under way
  std::uint64_t forgotten_ = 0;  // how many came before recent_'s first
};

}  // namespace distsys::roles::cache
