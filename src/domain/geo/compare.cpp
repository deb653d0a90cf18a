// How much of a quad an area holds.
#include <algorithm>
#include <cmath>
#include <numbers>

#include "distsys/domain/geo/quad.hpp"
#include "ring.hpp"

namespace distsys::domain::geo {
namespace {

overlap compare_to(const box& a, const box& q) noexcept {
  if (!(a.south <= q.north) || !(a.north >= q.south) || (a.south == q.north && q.north < 90)) return overlap::none;
  const bool whole_lat = a.south <= q.south && a.north >= q.north;
  const bool wraps = a.west > a.east;
  const auto touches = [&](double west, double east) { return west < q.east && east >= q.west; };
  const auto holds = [&](double west, double east) { return west <= q.west && east >= q.east; };
  const bool any_lon = wraps ? touches(a.west, 180) || touches(-180, a.east) : touches(a.west, a.east);
  // The westernmost quads hold the meridian of 180 degrees, which is a box's eastern edge too.
  const bool meridian = q.west == -180 && (wraps || a.east >= 180);
  if (!any_lon && !meridian) return overlap::none;
  const bool whole_lon = wraps ? holds(a.west, 180) || holds(-180, a.east) : holds(a.west, a.east);
  return whole_lat && whole_lon ? overlap::whole : overlap::partly;
}

/// Whether the cosine of the angle to a point is wanted greatest or least.
enum class extreme { nearest, farthest };

/// The distance to the nearest or farthest point of a meridian's piece, `apart` degrees of longitude away. The cosine
/// of the angle to the meridian's points is a sin(lat) + b cos(lat), greatest at atan2(a, b) and least opposite: on the
/// piece it is extreme there, or else at the end that is closer to there.
double distance_to(extreme wanted, const position& from, double apart, double south, double north) noexcept {
  if (apart == 0 && wanted == extreme::nearest) return distance_m(from, {from.lon, std::clamp(from.lat, south, north)});
  constexpr double radians = std::numbers::pi / 180;
  const double a = std::sin(from.lat * radians);
  const double b = std::cos(from.lat * radians) * std::cos(apart * radians);
  double at = std::atan2(a, b) / radians;
  if (wanted == extreme::farthest) at += at > 0 ? -180 : 180;
  if (at < south || at > north) {
    const auto turn = [at](double lat) { return std::min(std::abs(lat - at), 360 - std::abs(lat - at)); };
    at = turn(south) < turn(north) ? south : north;
  }
  return distance_m(from, {from.lon + apart, at});
}

/// A circle's centre and a box in longitude: how far apart at least and at most, in degrees.
struct longitudes {
  double least, most;
};

longitudes between(const position& center, const box& q) noexcept {
  double to_west = std::fmod(q.west - center.lon, 360);  // eastward
  if (to_west < 0) to_west += 360;
  const double beyond = to_west + (q.east - q.west);  // the eastern edge
  const bool inside = beyond >= 360 || to_west == 0;
  const bool opposite = (to_west <= 180 && beyond >= 180) || beyond >= 540;
  const auto apart = [](double d) { return d > 360 ? std::min(d - 360, 720 - d) : std::min(d, 360 - d); };
  return {inside ? 0 : std::min({to_west, 360 - to_west, std::abs(360 - beyond), beyond}),
          opposite ? 180 : std::max(apart(to_west), apart(beyond))};
}

/// Haversines lose half their digits near antipodes: a few centimetres, and contains() with them.
double margin_of(const circle& c) noexcept { return 0.5 + c.radius_m * 1e-9; }

/// On the sphere the nearest point of a box is on its meridian nearest in longitude, the farthest on the farthest.
bool touches(const circle& c, const box& q) noexcept {
  const double least = between(c.center, q).least;
  return distance_to(extreme::nearest, c.center, least, q.south, q.north) <= c.radius_m + margin_of(c);
}

overlap compare_to(const circle& c, const box& q) noexcept {
  if (!touches(c, q)) return overlap::none;
  const double most = between(c.center, q).most;
  const bool whole = distance_to(extreme::farthest, c.center, most, q.south, q.north) < c.radius_m - margin_of(c);
  return whole ? overlap::whole : overlap::partly;
}

/// Separating axes of a segment and a rectangle: both of the rectangle's, and the segment's normal.
bool touches(double x0, double y0, double x1, double y1, const box& r) noexcept {
  if (std::max(x0, x1) < r.west || std::min(x0, x1) > r.east || std::max(y0, y1) < r.south ||
      std::min(y0, y1) > r.north)
    return false;
  const double dx = x1 - x0, dy = y1 - y0;
  const double cx = (r.west + r.east) / 2 - x0, cy = (r.south + r.north) / 2 - y0;
  return std::abs(dx * cy - dy * cx) <=
         (r.east - r.west) / 2 * std::abs(dy) + (r.north - r.south) / 2 * std::abs(dx) + 1e-18;
}

overlap compare_to(const polygon& p, const box& q) noexcept {
  if (p.ring.empty()) return overlap::none;
  constexpr double margin = 1e-9;
  const box wide{q.west - margin, q.south - margin, q.east + margin, q.north + margin};
  const ring_extent e = extent_of(p);
  if (e.north < wide.south || e.south > wide.north) return overlap::none;
  for (double turn = 360 * std::ceil((e.west - wide.east) / 360); wide.west + turn <= e.east; turn += 360) {
    const box turned{wide.west + turn, wide.south, wide.east + turn, wide.north};
    bool on_edge = false;
    each_edge(
        p, [&](double x0, double y0, double x1, double y1) { on_edge = on_edge || touches(x0, y0, x1, y1, turned); });
    if (on_edge) return overlap::partly;
  }
  // No edge passes: all of it is as its middle is.
  return contains(p, {(q.west + q.east) / 2, (q.south + q.north) / 2}) ? overlap::whole : overlap::none;
}

}  // namespace

overlap compare(const area& a, const quad& q) noexcept {
  if (const auto* c = std::get_if<circle>(&a)) return compare_to(*c, q.bounds());
  if (const auto* b = std::get_if<box>(&a)) return compare_to(*b, q.bounds());
  if (const auto* p = std::get_if<polygon>(&a)) return compare_to(*p, q.bounds());
  return overlap::whole;
}

bool touches(const area& a, const quad& q) noexcept {
  if (const auto* c = std::get_if<circle>(&a)) return touches(*c, q.bounds());
  return compare(a, q) != overlap::none;
}

}  // namespace distsys::domain::geo
