// The rewriting of one stretch of the history without what need not be kept, on PostgreSQL.
#pragma once

#include "distsys/domain/geo/history_partitions.hpp"
#include "history_catalog.hpp"

#include <optional>
#include <span>
#include <vector>

namespace distsys::domain::geo {

struct compaction_order {
  history_partition what;
  std::optional<history_partition> before;  // compacted earlier: goes with it when both have at most `most` rows left
  std::int64_t most = 0;
  std::int64_t written = 0;  // rows that the file of `what` was made of, about
  std::span<const history_horizon> horizons;
};

struct compaction_result {
  std::optional<compaction> done;  // nothing: more than half of what was written is left
  std::int64_t superfluous = 0;    // rows that need not be kept, when nothing was done
};

/// errc::conflict: a lock was not had, or others have changed the partitions. Nothing is changed by an error.
awaitable<result<compaction_result>> compact_partition(const ports::call_context& context, ports::database& db,
                                                       compaction_order order);

}  // namespace distsys::domain::geo
