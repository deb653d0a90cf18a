// The cells that are kept: the events of one quad each, whatever their kind and source, as rows that many queries
// share.
#pragma once

#include "slots.hpp"

#include "distsys/caching/sharded_map.hpp"
#include "distsys/domain/geo/event_rows.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

namespace distsys::roles::cache {

using caching::time_point;

/// What was read of one quad. Immutable once made, but for the counts of its use.
struct cell {
  domain::geo::quad where;
  std::shared_ptr<const domain::geo::event_rows> rows;  // null: split, for it holds too many events: see its children
  slot_table::watch watch;  // of a split cell: empty, for using its children is right whatever happens
  std::int64_t seen = 0;    // at least the last change that the snapshot knew
  std::uint64_t load = 0;   // equal for cells of one snapshot
  time_point filled, fresh_until;
  std::chrono::microseconds cost{};  // of the statement, or the question to the shared store, that it came with
  bool shared = false;               // another process has read it
  mutable std::atomic<unsigned> uses{0};
  mutable std::atomic<bool> refreshing{false};

  bool split() const noexcept { return !rows; }
  bool negative() const noexcept { return rows && rows->rows().empty(); }
  bool valid() const noexcept { return split() || watch.valid(); }
  std::size_t heap_bytes() const noexcept;
};
using shared_cell = std::shared_ptr<const cell>;

struct cell_lifetimes {
  std::chrono::steady_clock::duration ttl{}, stale_while_revalidate{}, stale_if_error{};
};

/// Any thread. Entries live for their TTL (with a jitter of a tenth, so that what was loaded together is not refreshed
/// together) because the log of changes drops them; beyond it they are kept for as long as they may be served stale.
class cell_cache {
 public:
  cell_cache(std::size_t max_bytes, const cell_lifetimes& lifetimes, caching::eviction how = caching::default_eviction);

  const cell_lifetimes& lifetimes() const noexcept { return lifetimes_; }
  /// When something read at `now` should be read again.
  time_point fresh_until(time_point now) const;

  /// Null unless a change has left it as it is. It may be past its time.
  shared_cell find(const domain::geo::quad& q, time_point now);
  /// The nearest larger cell that holds the quad's events; never a split one.
  shared_cell find_parent(const domain::geo::quad& q, time_point now);
  /// The same two without counting as a use.
  shared_cell peek(const domain::geo::quad& q, time_point now) const;
  shared_cell peek_parent(const domain::geo::quad& q, time_point now) const;
  /// False when it is not kept: a change has touched it, it is too large, or nothing is kept.
  bool keep(const shared_cell& c);

  /// Frees what a change at `p` has made untrue. Answers how many cells.
  std::size_t drop(const domain::geo::position& p);
  /// Of the valid cells that `wanted` is true of.
  std::vector<domain::geo::quad> quads_if(const std::function<bool(const cell&)>& wanted);
  /// Frees everything that is not valid any more.
  std::size_t sweep();

  caching::sharded_map<shared_cell>::totals totals() const { return cells_.read(); }
  std::uint64_t dropped() const noexcept { return dropped_.load(std::memory_order_relaxed); }

 private:
  const cell_lifetimes lifetimes_;
  caching::sharded_map<shared_cell> cells_;
  std::atomic<std::uint32_t> levels_{0};  // bit L: a cell of level L is or was kept
  std::atomic<std::uint64_t> dropped_{0};
};

}  // namespace distsys::roles::cache
