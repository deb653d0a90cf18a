// Where to look: points with a radius, boxes and named places, as users write them.
#pragma once

#include "distsys/domain/geo/geometry.hpp"
#include "distsys/foundation/error.hpp"

#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace distsys::roles::scraper {

struct watched_area {
  std::string text;  // as written
  std::variant<domain::geo::circle, domain::geo::box> shape;

  bool contains(const domain::geo::position& p) const noexcept;
  /// One box, or two where it crosses the antimeridian (none of them does).
  std::vector<domain::geo::box> boxes() const;
};

/// "LAT/LON/RADIUS" (km; also "5km", "800m", "3mi"), "WEST/SOUTH/EAST/NORTH" in degrees, "PLACE" or "PLACE/RADIUS".
/// errc::invalid says which part is wrong.
result<watched_area> parse_area(std::string_view text);

}  // namespace distsys::roles::scraper
