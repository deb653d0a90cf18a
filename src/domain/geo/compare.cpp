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

/// Where on a meridian, `apart` degrees of longitude away, the cosine of the angle to a point is extreme: it is
/// a sin(lat) + b cos(lat), greatest at atan2(a, b) and least opposite.
double farthest_or_nearest(const position& from, double apart, double south, double north, bool want_nearest) noexcept {
  constexpr double radians = std::numbers::pi / 180;
  const double a = std::sin(from.lat * radians);
  const double b = std::cos(from.lat * radians) * std::cos(apart * radians);
  double extreme = std::atan2(a, b) / radians;
  if (!want_nearest) extreme += extreme > 0 ? -180 : 180;
  const auto at = [&](double lat) { return distance_m(from, {from.lon + apart, lat}); };
  const auto better = [&](double x, double y) { return want_nearest ? std::min(x, y) : std::max(x, y); };
  const double of_ends = better(at(south), at(north));
  return extreme > south && extreme < north ? better(of_ends, at(extreme)) : of_ends;
}

/// On the sphere the nearest point of a box is on its meridian nearest in longitude, the farthest on the farthest.
overlap compare_to(const circle& c, const box& q) noexcept {
  // Of longitude, eastward from the centre to the box's edges.
  const auto east_of = [&](double lon) {
    const double d = std::fmod(lon - c.center.lon, 360);
    return d < 0 ? d + 360 : d;
  };
  const double width = q.east - q.west, to_west = east_of(q.west);
  const double beyond = to_west + width;  // the eastern edge
  const bool inside = beyond >= 360 || to_west == 0;
  const double least = inside ? 0 : std::min({to_west, 360 - to_west, std::abs(360 - beyond), beyond});
  const bool opposite = to_west <= 180 && beyond >= 180;
  const auto apart = [](double d) { return d > 360 ? std::min(d - 360, 720 - d) : std::min(d, 360 - d); };
  const double most = opposite || beyond >= 540 ? 180 : std::max(apart(to_west), apart(beyond));
  // Haversines lose half their digits near antipodes: a few centimetres, and contains() with them.
  const double margin = 0.5 + c.radius_m * 1e-9;
  if (farthest_or_nearest(c.center, least, q.south, q.north, true) > c.radius_m + margin) return overlap::none;
  if (farthest_or_nearest(c.center, most, q.south, q.north, false) < c.radius_m - margin) return overlap::whole;
  return overlap::partly;
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

}  // namespace distsys::domain::geo
