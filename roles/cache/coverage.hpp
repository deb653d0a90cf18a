// The scraper's tiles as GeoJSON: which areas its sources are asked about, and how that goes.
#pragma once

#include "distsys/domain/geo/tile.hpp"

#include <span>
#include <string>

namespace distsys::roles::cache {

/// A FeatureCollection of the tiles that are polled, each with source, tile, state (covered, capped, failing, never),
/// last_answer, next_poll, interval_seconds, events (of the last good answer) and area_km2. A tile without an area has
/// a null geometry; one across the antimeridian is cut in two (RFC 7946, section 3.1.9).
std::string coverage_text(std::span<const domain::geo::tile_view> tiles, domain::geo::timestamp now);

}  // namespace distsys::roles::cache
