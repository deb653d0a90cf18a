// The partitions of the change history on PostgreSQL: the next is opened when one is full, and what need not be kept of
// an old one goes with its file. Elsewhere there are none, and every call answers at once that nothing is to be done.
#pragma once

#include "distsys/domain/geo/event_repository.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace distsys::domain::geo {

/// Until when the history of a source need not be kept; the epoch keeps all of it.
struct history_horizon {
  std::string source;
  timestamp before{};
};

/// What compact() did.
struct compaction {
  std::size_t dropped = 0, kept = 0;  // rows
  sequence_range range;
};

/// Several processes may each have one: they take turns. Waits for locks end after 250 ms (errc::conflict: nothing is
/// changed, and later is time enough), so that readers and writers hardly wait for it. Remembers which partitions it
/// has looked at; one call at a time. `db` must outlive it.
class history_partitions {
 public:
  static constexpr std::int64_t default_size = 1'000'000;

  /// `size`: how many changes a partition is for, at least.
  explicit history_partitions(ports::database& db, std::int64_t size = default_size) : db_(db), size_(size) {}

  /// Ends the partition that is written to a little ahead, when it is full, and opens the next; true when it did.
  /// Reads all of it once, locking nobody out.
  awaitable<result<bool>> open_next(const ports::call_context& context);

  /// What of the history prune() had better leave to compact(), ascending: partitions all of whose changes were
  /// recorded before a horizon, unless it was tried already; and those that soon will be, being filled in less than an
  /// eighth of the time that changes are kept.
  awaitable<result<std::vector<sequence_range>>> left(const ports::call_context& context,
                                                      std::span<const history_horizon> horizons);

  /// Writes what must be kept of the oldest partition that is old throughout to a new file, and drops the old one in
  /// the same transaction; a compacted neighbour that is small goes with it. Only where no more than half of what the
  /// file was written with is left: else it is prune()'s. Nothing: no such partition. Sources without a horizon keep
  /// all.
  awaitable<result<std::optional<compaction>>> compact(const ports::call_context& context,
                                                       std::span<const history_horizon> horizons);

  /// For a writer whose change was refused with `why`: where it had reached an end that open_next() announced and
  /// nobody made true, that is taken back, and the write is worth another try. errc::unavailable when it cannot be now,
  /// after 250 ms: nobody waits behind the writer for longer. Else `why`.
  static awaitable<result<void>> reopen(const ports::call_context& context, ports::database& db, error why);

 private:
  bool looked_at(std::int64_t first) const;

  ports::database& db_;
  const std::int64_t size_;
  std::map<std::int64_t, timestamp> looked_;  // when, by the first sequence
  std::map<std::int64_t, int> refused_;       // how often a lock was
};

}  // namespace distsys::domain::geo
