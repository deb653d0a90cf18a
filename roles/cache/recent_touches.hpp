// The end of the change log in memory: whether what somebody else read of a quad is still true.
#pragma once

#include "distsys/domain/geo/event_repository.hpp"
#include "distsys/domain/geo/quad.hpp"

#include <cstddef>
#include <cstdint>
#include <deque>
#include <shared_mutex>
#include <span>
#include <vector>

namespace distsys::roles::cache {

/// Any thread; written by the follower of the log, before it touches the slots: a watch that was taken before a
/// question is asked here misses nothing that this does not know yet.
class recent_touches {
 public:
  static constexpr std::size_t most = 65'536;  // 1.5 MiB

  struct question {
    domain::geo::quad where;
    std::int64_t sequence = 0;  // it was read as of this change
  };

  explicit recent_touches(std::size_t capacity = most) : capacity_(capacity) {}

  /// Everything up to `sequence` is unknown.
  void begin_at(std::int64_t sequence);
  /// The next changes, ascending. A gap in their numbers (changes that retention has deleted, or that were never
  /// committed) makes what lies before it unknown.
  void add(std::span<const domain::geo::change_touch> touches);

  /// For each of disjoint quads: no change after its sequence is known to have touched it, and none is unknown. False
  /// for a sequence that has not been added: it may be of a log that a failover has cut.
  std::vector<bool> untouched(std::span<const question> asked) const;

  /// What was read before this change cannot be judged.
  std::int64_t floor() const;

 private:
  struct entry {
    std::int64_t sequence;
    domain::geo::cell_id at, previous;  // equal where it did not move
  };

  const std::size_t capacity_;
  mutable std::shared_mutex mutex_;
  std::deque<entry> entries_;  // ascending, without gaps
  std::int64_t floor_ = 0, last_ = 0;
};

}  // namespace distsys::roles::cache
