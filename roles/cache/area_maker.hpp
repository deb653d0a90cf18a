// Makes the answers to area queries: from cells, or, where a query would touch too many, from the database itself.
#pragma once

#include "assemble.hpp"
#include "cell_loader.hpp"
#include "load_gate.hpp"
#include "made.hpp"

#include "distsys/foundation/metrics.hpp"

#include <cstddef>
#include <optional>
#include <vector>

namespace distsys::roles::cache {

/// Any loop.
class area_maker {
 public:
  static constexpr std::size_t most_quads = 16;    // of a cover
  static constexpr std::size_t most_leaves = 256;  // after splitting; more: the database is asked directly
  static constexpr std::size_t most_events = 100'000;
  static constexpr unsigned finest_level = 15;  // about 1.2 km: smaller areas share that

  area_maker(domain::geo::event_repository& events, slot_table& slots, freshness& fresh, cell_loader& cells,
             load_gate& gate);

  /// The bytes of event_repository::find(), as of one moment. A query of another time (`at`) is read directly.
  awaitable<result<made>> make(domain::geo::event_query query, trust how);

  /// The same from what is kept, at once: nothing when a cell is missing, or when its parts are not known to be of one
  /// moment. Only what is believed may be asked for. `here` is the caller's loop.
  std::optional<made> make_at_once(const domain::geo::event_query& query, executor here);

  /// The cells of an area as they are kept now, split ones replaced by their children, and null for what would be read;
  /// nothing when there are too many. Counts nothing. For nearest: of the first ring that holds enough, as kept.
  std::optional<std::vector<cell_loader::found>> peek(const domain::geo::area& where, time_point now) const;

  /// What was read by several statements since the watch was taken is of one moment: all that is committed by now has
  /// been applied, and did not touch it. Asks the database; true when that does not answer.
  awaitable<bool> untouched(const slot_table::watch& watch);

  std::uint64_t direct_queries() const noexcept { return direct_.value(); }

 private:
  /// Parts in ascending order; nothing when the area needs too many cells.
  using parts = std::optional<std::vector<cell_loader::found>>;
  /// Neither: it needs too many cells. `again`: changes came in between.
  struct attempt {
    std::optional<made> what;
    bool again = false;
  };

  awaitable<result<parts>> gather(domain::geo::area where, std::vector<domain::geo::quad> cover, trust how);
  awaitable<bool> agree(const std::vector<cell_loader::found>& all, const slot_table::watch& watch, trust how);
  awaitable<result<attempt>> within(const domain::geo::event_query& query, trust how);
  awaitable<result<attempt>> nearest(const domain::geo::event_query& query, trust how);
  awaitable<result<std::optional<std::int64_t>>> expiry_about(const ports::call_context& context,
                                                              const domain::geo::area& where,
                                                              const std::vector<domain::geo::quad>& cover);
  awaitable<result<std::optional<made>>> little(const domain::geo::event_query& query);
  awaitable<result<made>> directly(domain::geo::event_query query, trust how);

  domain::geo::event_repository& events_;
  slot_table& slots_;
  freshness& fresh_;
  cell_loader& cells_;
  load_gate& gate_;
  metrics::counter& direct_;
};

/// The quads that an area's answer is made from, and depends on: of one level, chosen from its extent.
std::vector<domain::geo::quad> cover_of(const domain::geo::area& where);

}  // namespace distsys::roles::cache
