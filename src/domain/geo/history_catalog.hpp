// What PostgreSQL's catalog says about the history's partitions, and what both kinds of work on them share.
#pragma once

#include "distsys/domain/geo/event_repository.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace distsys::domain::geo {

struct history_partition {
  std::string name;
  sequence_range range;              // `past` of the one that is written to is open_end
  std::optional<std::int64_t> rows;  // that its file was written with, when it was compacted
  std::int64_t announced = 0;        // end of the constraint that proves its range; 0: none
  bool proved = false;               // the constraint holds for every row

  static constexpr std::int64_t open_end = INT64_MAX;
  bool open() const noexcept { return range.past == open_end; }
};

/// Ascending, without gaps. `On`: a database or a transaction.
template <class On>
awaitable<result<std::vector<history_partition>>> read_partitions(const ports::call_context& context, On& on);

/// When the first and the last change of a partition were recorded; nothing when it is empty.
struct recorded_span {
  std::int64_t first_sequence = 0, first = 0, last = 0;
};
awaitable<result<std::optional<recorded_span>>> read_span(const ports::call_context& context, ports::database& db,
                                                          const history_partition& p);

template <class On>
awaitable<result<std::int64_t>> newest_sequence(const ports::call_context& context, On& on);

/// The constraint on a partition's sequences.
constexpr std::string_view range_constraint = "geo_event_changes_range";
/// No step waits longer for a lock, and nobody behind it: the first statement of a transaction.
inline constexpr std::string_view short_waits = "SET LOCAL lock_timeout = 250";
std::string range_condition(const sequence_range& r);
/// "FOR VALUES FROM (1) TO (MAXVALUE)".
std::string for_values(const sequence_range& r);

/// prune() holds the first of them shared while it deletes, compact() alone; the other is open_next()'s.
enum class history_lock : std::int64_t { rows = 3478798, bounds = 3478799 };

/// A transaction that waits 250 ms for a lock, and holds this one.
awaitable<result<std::unique_ptr<ports::transaction>>> begin_alone(const ports::call_context& context,
                                                                   ports::database& db, history_lock what);

/// Runs statements without parameters, in order.
awaitable<result<void>> run_all(const ports::call_context& context, ports::transaction& on,
                                std::vector<std::string> statements);

/// Takes the history and some of its partitions for this transaction alone, trying for a few seconds with pauses in
/// which others go on. errc::conflict: somebody is at them for long.
awaitable<result<void>> lock_out_all(const ports::call_context& context, ports::transaction& on,
                                     std::vector<std::string> partitions);

}  // namespace distsys::domain::geo
