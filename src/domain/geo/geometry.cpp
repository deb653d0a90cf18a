#include "distsys/domain/geo/geometry.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace distsys::domain::geo {
namespace {

constexpr double radians = std::numbers::pi / 180;

}  // namespace

bool valid(const position& p) noexcept {
  return p.lat >= -90 && p.lat <= 90 && p.lon >= -180 && p.lon <= 180;  // false for NaN
}

double distance_m(const position& a, const position& b) noexcept {
  const double lat_a = a.lat * radians, lat_b = b.lat * radians;
  const double sin_lat = std::sin((lat_b - lat_a) / 2);
  const double sin_lon = std::sin((b.lon - a.lon) * radians / 2);
  const double h = sin_lat * sin_lat + std::cos(lat_a) * std::cos(lat_b) * sin_lon * sin_lon;
  // For antipodes rounding may push h over 1; atan2 keeps the precision there that asin loses.
  const double s = std::clamp(h, 0.0, 1.0);
  return 2 * earth_radius_m * std::atan2(std::sqrt(s), std::sqrt(1 - s));
}

bool contains(const circle& c, const position& p) noexcept { return distance_m(c.center, p) <= c.radius_m; }

bool contains(const box& b, const position& p) noexcept {
  if (!(p.lat >= b.south && p.lat <= b.north)) return false;
  if (b.west == -180 && b.east == 180) return true;
  const auto inside = [&](double lon) {
    return b.west <= b.east ? lon >= b.west && lon <= b.east : lon >= b.west || lon <= b.east;
  };
  // The meridian of 180 degrees has two names; the box may use either.
  return inside(p.lon) || (std::abs(p.lon) == 180 && inside(-p.lon));
}

std::vector<box> bounds(const circle& c) {
  // A little wider than exact, so that rounding never loses a position on the edge.
  const double angle = c.radius_m / earth_radius_m * (1 + 1e-9) + 1e-12;
  const double reach = angle / radians;
  const double south = c.center.lat - reach, north = c.center.lat + reach;
  if (south <= -90 || north >= 90 || angle >= std::numbers::pi / 2)
    return {{-180, std::max(south, -90.0), 180, std::min(north, 90.0)}};  // holds a pole: every longitude
  const double ratio = std::sin(angle) / std::cos(c.center.lat * radians);
  if (ratio >= 1) return {{-180, south, 180, north}};
  const double half = std::asin(ratio) / radians * (1 + 1e-9) + 1e-9;
  if (half >= 180) return {{-180, south, 180, north}};
  const double west = c.center.lon - half, east = c.center.lon + half;
  if (west < -180) return {{-180, south, east, north}, {west + 360, south, 180, north}};
  if (east > 180) return {{-180, south, east - 360, north}, {west, south, 180, north}};
  return {{west, south, east, north}};
}

}  // namespace distsys::domain::geo
