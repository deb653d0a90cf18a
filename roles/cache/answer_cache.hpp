// The answers that are kept: found by the bytes of a query or by its normal form, as long as no change touches them.
#pragma once

#include "answer.hpp"

#include "distsys/caching/sharded_map.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string_view>
#include <vector>

namespace distsys::roles::cache {

/// Any loop. Two layers: each loop has its own front from a query string as received to an answer, without a lock and
/// without parsing; behind it one map from the normal form, which owns the answers and their bytes. Whether what is
/// kept may be believed at all is asked of `freshness` before.
class answer_cache {
 public:
  /// `beyond`: for how long after its time an answer may still be served when the database is down.
  answer_cache(std::size_t max_bytes, std::chrono::steady_clock::duration beyond, unsigned loops,
               caching::eviction how = caching::default_eviction);

  /// By the query as received, from the calling loop's front. Null: parse and ask find().
  shared_answer find_spelling(std::string_view encoded_query, time_point now);
  shared_answer find(std::string_view key, time_point now);
  /// The same, to tell of it: it counts as no use.
  bool holds(std::string_view key, time_point now) const;
  /// One that may be past its time, but that no change is known to have touched.
  shared_answer find_stale(std::string_view key, time_point now);
  /// The next find_spelling on this loop finds it.
  void remember_spelling(std::string_view encoded_query, const shared_answer& a);

  /// False when it is not kept: a change has touched it, it is too large, or its time is over.
  bool keep(const shared_answer& a, time_point now);

  /// Frees everything that is not valid any more. Answers how many.
  std::size_t sweep();
  /// The valid ones that `wanted` is true of, which is asked without a lock.
  std::vector<shared_answer> all_if(const std::function<bool(const answer&)>& wanted);

  caching::sharded_map<shared_answer>::totals totals() const { return answers_.read(); }
  std::uint64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); }

 private:
  struct spelling {
    std::weak_ptr<const answer> what;  // the map behind owns the bytes, and only it
    unsigned hits = 0;
  };
  using front = caching::bounded_map<spelling>;

  void forget(std::string_view key);

  const std::chrono::steady_clock::duration beyond_;
  std::vector<std::unique_ptr<front>> fronts_;  // by loop
  caching::sharded_map<shared_answer> answers_;
  std::atomic<std::uint64_t> dropped_{0};  // by changes
};

}  // namespace distsys::roles::cache
