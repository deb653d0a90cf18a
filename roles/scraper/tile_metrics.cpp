#include "tile_metrics.hpp"

#include "distsys/foundation/metrics.hpp"

#include <map>
#include <utility>

namespace distsys::roles::scraper {

namespace geo = domain::geo;

void tile_metrics::show(std::span<const geo::tile_view> tiles, geo::timestamp now) {
  struct sum {
    double tiles = 0, area = 0;
  };
  std::map<std::pair<std::string, geo::tile_coverage>, sum> sums;
  for (const auto& t : tiles) {
    sources_.insert(t.source);
    if (t.state != geo::tile_state::polling) continue;
    auto& s = sums[{t.source, geo::coverage_of(t, now)}];
    ++s.tiles;
    if (t.bounds) s.area += geo::area_m2(*t.bounds);
  }
  for (const auto& source : sources_) {
    for (const auto state : {geo::tile_coverage::covered, geo::tile_coverage::capped, geo::tile_coverage::failing,
                             geo::tile_coverage::never}) {
      const auto s = sums[{source, state}];
      metrics::get_gauge("distsys_scraper_tiles", "Tiles that are polled, by what is known of them.",
                         {{"source", source}, {"state", geo::name(state)}})
          .set(s.tiles);
      metrics::get_gauge("distsys_scraper_area_square_metres", "Area of the tiles that are asked by area.",
                         {{"source", source}, {"state", geo::name(state)}})
          .set(s.area);
    }
  }
}

}  // namespace distsys::roles::scraper
