#include "distsys/domain/geo/geometry.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "ring.hpp"

namespace distsys::domain::geo {
namespace {

constexpr double radians = std::numbers::pi / 180;

// An arc a and its chord 2 sin(a/2) differ by a^3/24: their squares by less than one part in ten thousand up to here.
constexpr double most_chord = 0.03;
constexpr double chord_error = 1e-4;
constexpr double most_chord_m = most_chord * earth_radius_m;

/// Even-odd, for one of the longitudes that the position has beside a ring that runs on; edges are inside.
bool surrounds(const polygon& area, double x, double y) noexcept {
  bool inside = false, on_edge = false;
  each_edge(area, [&](double x0, double y0, double x1, double y1) {
    if (y < std::min(y0, y1) || y > std::max(y0, y1)) return;
    const double across = (x - x0) * (y1 - y0) - (y - y0) * (x1 - x0);
    on_edge = on_edge || (across == 0 && x >= std::min(x0, x1) && x <= std::max(x0, x1));
    if ((y0 > y) != (y1 > y) && (y1 > y0 ? across < 0 : across > 0)) inside = !inside;
  });
  return inside || on_edge;
}

}  // namespace

bool valid(const position& p) noexcept {
  return p.lat >= -90 && p.lat <= 90 && p.lon >= -180 && p.lon <= 180;  // false for NaN
}

bool valid(const polygon& p) noexcept {
  const std::size_t repeated = p.ring.size() > 1 && p.ring.front() == p.ring.back() ? 1 : 0;
  const std::size_t vertices = p.ring.size() - repeated;
  if (vertices < 3 || vertices > polygon::max_vertices) return false;
  if (!std::all_of(p.ring.begin(), p.ring.end(), [](const position& v) { return valid(v); })) return false;
  return each_edge(p, [](double, double, double, double) {}) == 0;
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

bool contains(const polygon& area, const position& p) noexcept {
  if (area.ring.empty()) return false;
  const ring_extent e = extent_of(area);
  if (!(p.lat >= e.south && p.lat <= e.north)) return false;
  // NOLINTNEXTLINE(clang-analyzer-security.FloatLoopCounter): three rounds at most, each a whole turn
  for (double x = p.lon + 360 * std::ceil((e.west - p.lon) / 360); x <= e.east; x += 360)
    if (surrounds(area, x, p.lat)) return true;
  return false;
}

bool matches(const area& where, const position& p) noexcept {
  if (const auto* c = std::get_if<circle>(&where)) return contains(*c, p);
  if (const auto* b = std::get_if<box>(&where)) return contains(*b, p);
  if (const auto* polygonal = std::get_if<polygon>(&where)) return contains(*polygonal, p);
  return true;
}

area_test::area_test(const area& where) : where_(where) {
  const auto* c = std::get_if<circle>(&where);
  if (c == nullptr || c->radius_m > most_chord_m) return;
  const double lat = c->center.lat * radians, reach = c->radius_m / earth_radius_m;
  const double chord = 2 * std::sin(reach / 2), square = chord * chord;
  circle_ = small_circle{c->center.lon,
                         c->center.lat,
                         std::cos(lat),
                         std::sin(lat),
                         reach,
                         square * (1 - chord_error),
                         square * (1 + chord_error)};
}

bool area_test::operator()(const position& p) const noexcept {
  if (!circle_) return matches(where_, p);
  const small_circle& c = *circle_;
  const double y = (p.lat - c.lat) * radians, x = (p.lon - c.lon) * radians;
  if (std::abs(y) > c.reach * (1 + chord_error)) return false;
  // Beside the antimeridian and near the poles nothing is certain here.
  if (std::abs(x) > most_chord) return matches(where_, p);
  // cos(lat + y), y at most most_chord; the series' next terms are below 1e-8.
  const double cos_lat = c.cos_lat * (1 - y * y / 2) - c.sin_lat * (y - y * y * y / 6);
  const double square = y * y + c.cos_lat * cos_lat * x * x;
  if (square <= c.surely_in) return true;
  return square <= c.surely_out && matches(where_, p);
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

std::vector<box> bounds(const polygon& p) {
  if (p.ring.empty()) return {};
  const ring_extent e = extent_of(p);
  if (e.east - e.west >= 360) return {{-180, e.south, 180, e.north}};
  // Turned back by whole turns, rounding may take a little: a little more.
  if (e.west < -180) return {{e.west + 360 - 1e-12, e.south, 180, e.north}, {-180, e.south, e.east, e.north}};
  if (e.east > 180) return {{e.west, e.south, 180, e.north}, {-180, e.south, e.east - 360 + 1e-12, e.north}};
  return {{e.west, e.south, e.east, e.north}};
}

}  // namespace distsys::domain::geo
