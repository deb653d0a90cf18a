// GET /events/count: how many events, by kind or by cell of a grid, without the events.
#pragma once

#include "count_request.hpp"
#include "count_tile.hpp"
#include "engine.hpp"

#include "distsys/caching/sharded_map.hpp"
#include "distsys/net/router.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace distsys::roles::cache {

/// Any loop. Cells are counted tile by tile (a tile is a quad four levels above them, so 256 cells), and the tiles are
/// kept: requests for areas that overlap share them. A change touches the tiles that hold its old and new position; a
/// tile goes with the first of its events that expires.
class event_counts {
 public:
  /// `max_bytes` of tiles.
  event_counts(engine& e, std::size_t max_bytes);

  awaitable<net::http_response> count(net::http_request& request);
  void add_routes(net::router& routes);

  caching::sharded_map<std::shared_ptr<const count_tile>>::totals totals() const { return tiles_.read(); }
  /// Drops all tiles: they do not say whose events they count. Any thread.
  void forget();
  /// Tiles asked for that were kept, and that were not.
  std::uint64_t hits() const noexcept { return hits_.value(); }
  std::uint64_t misses() const noexcept { return misses_.value(); }

 private:
  using shared_tile = std::shared_ptr<const count_tile>;
  using shared_request = std::shared_ptr<const count_request>;

  awaitable<result<made>> kinds(shared_request wanted, trust how);
  awaitable<result<made>> cells(shared_request wanted, trust how);
  awaitable<result<void>> load(std::span<const domain::geo::quad> missing, unsigned level,
                               std::vector<shared_tile>& to);
  awaitable<result<void>> load_all(std::span<const domain::geo::quad> missing, unsigned level,
                                   std::vector<shared_tile>& to);
  awaitable<bool> agree(const std::vector<shared_tile>& tiles, std::size_t loaded, const slot_table::watch& watch);
  shared_tile find(const domain::geo::quad& q, unsigned level, time_point now);

  engine& engine_;
  caching::sharded_map<shared_tile> tiles_;
  metrics::counter &hits_, &misses_;
  std::vector<metrics::observed_gauge> gauges_;
};

}  // namespace distsys::roles::cache
