// The tiles of this process's feeds as metrics: how many in each state, and how much area is covered.
#pragma once

#include "distsys/domain/geo/tile.hpp"

#include <set>
#include <span>
#include <string>

namespace distsys::roles::scraper {

/// Used on one loop.
class tile_metrics {
 public:
  /// distsys_scraper_tiles{source,state} and distsys_scraper_area_square_metres{source,state}, state being covered,
  /// capped, failing or never. Of tiles that are polled; areas that overlap count twice.
  void show(std::span<const domain::geo::tile_view> tiles, domain::geo::timestamp now);

 private:
  std::set<std::string> sources_;  // shown once, shown for ever
};

}  // namespace distsys::roles::scraper
