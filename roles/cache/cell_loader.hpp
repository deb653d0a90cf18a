// Cells for requests: those that are kept, those that other processes have read, and one statement for all the others
// that nobody reads yet.
#pragma once

#include "cell_cache.hpp"
#include "freshness.hpp"
#include "shared_cells.hpp"

#include "distsys/caching/wakeup.hpp"
#include "distsys/domain/geo/event_repository.hpp"
#include "distsys/foundation/metrics.hpp"
#include "distsys/runtime/task_group.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

namespace distsys::roles::cache {

/// How much of what is kept an answer may be made of.
enum class trust : std::uint8_t {
  believed,   // all of it within its time
  doubted,    // none of it: changes are announced that are not known yet
  kept_only,  // as believed, but the database is not asked
  stale       // all of it within --cache.stale-if-error; the database is not asked
};

/// Where a cell came from.
enum class origin : std::uint8_t { cell, parent, stale, shared, loaded, joined };

struct cell_counts {
  std::uint64_t hits = 0, negative_hits = 0, parent_hits = 0, stale_hits = 0, shared_hits = 0, misses = 0,
                coalesced = 0, splits = 0, refreshes = 0, queries = 0;
};

/// Any loop. Loads are tasks of `loads`: a caller that is cancelled, or whose deadline passes, harms nobody.
class cell_loader {
 public:
  struct limits {
    std::size_t cell_events = 1000;    // more: the cell is split
    std::size_t max_waiters = 10'000;  // of one load; more: overloaded
  };
  /// `where` is a part of `from`, or all of it.
  struct found {
    domain::geo::quad where;
    shared_cell from;
    origin how = origin::cell;
    bool without_shared = false;  // loaded, because the second layer did not answer
  };

  /// `shared` may be null: there is no second layer.
  cell_loader(domain::geo::event_repository& events, slot_table& slots, const freshness& fresh, cell_cache& cells,
              shared_cells* shared, runtime::task_group& loads, const limits& l);

  /// One for each quad, in their order. What the database answered for each (unavailable, timeout, …); not_found when
  /// it may not be asked; overloaded for too many waiters; timeout at `limit`, cancelled.
  awaitable<result<std::vector<found>>> get(std::vector<domain::geo::quad> quads, trust how, runtime::deadline limit);

  /// What get() would take of what is kept; nothing where it would load.
  std::optional<found> kept(const domain::geo::quad& q, trust how, time_point now);
  /// Counts the use of what kept() has found, and reads it ahead of time where it is hot.
  void used(const found& f, trust how, time_point now, executor here);

  /// What get() would find, and null for what it would load. Counts nothing.
  found peek(const domain::geo::quad& q, time_point now) const;

  cell_counts counts() const noexcept;
  const cell_cache& cells() const noexcept { return cells_; }
  const limits& bounds() const noexcept { return limits_; }

 private:
  struct ticket;
  struct flight;
  using shared_flight = std::shared_ptr<flight>;
  struct boarding {
    std::vector<shared_flight> flights, begun;
    std::shared_ptr<ticket> wait;
    bool crowded = false;
  };

  boarding board(std::vector<found>& all, const std::vector<std::size_t>& missing, trust how, time_point now,
                 std::shared_ptr<ticket> wait);
  result<void> collect(std::vector<found>& all, std::span<const shared_flight> flights, bool cancelled);
  bool joinable(const flight& f, trust how, std::uint64_t announced) const noexcept;
  void refresh_when_due(const shared_cell& c, time_point now, executor here);
  shared_flight begin(const domain::geo::quad& q, std::uint64_t announced, bool ask_shared);
  awaitable<void> load(std::vector<shared_flight> flights);
  awaitable<std::vector<shared_flight>> left_by_shared(std::span<const shared_flight> flights);
  awaitable<void> refresh(std::vector<shared_flight> flights, shared_cell old);
  awaitable<result<std::vector<shared_cell>>> guarded_read(std::span<const shared_flight> flights);
  awaitable<result<std::vector<shared_cell>>> read(std::span<const shared_flight> flights);
  awaitable<result<std::vector<shared_cell>>> read_less(std::span<const shared_flight> flights);
  std::shared_ptr<cell> cell_of(const flight& f, std::shared_ptr<const domain::geo::event_rows> rows, std::int64_t seen,
                                std::uint64_t load_number, time_point begun) const;
  shared_cell cell_of(const flight& f, domain::geo::quad_image image, time_point begun);
  void finish(std::span<const shared_flight> flights, const result<std::vector<shared_cell>>& read);

  domain::geo::event_repository& events_;
  slot_table& slots_;
  const freshness& fresh_;
  cell_cache& cells_;
  shared_cells* const shared_;
  runtime::task_group& loads_;
  const limits limits_;
  std::atomic<std::uint64_t> next_load_{1};
  std::mutex mutex_;
  std::unordered_map<std::uint64_t, shared_flight> flights_;  // by the quad's code
  metrics::counter &hits_, &negative_, &parent_, &stale_, &shared_hits_, &misses_, &coalesced_, &splits_, &refreshes_,
      &queries_;
};

}  // namespace distsys::roles::cache
