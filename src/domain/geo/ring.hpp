// The ring of a polygon as it runs on over the antimeridian: for contains(), bounds() and compare().
#pragma once

#include "distsys/domain/geo/geometry.hpp"

#include <algorithm>

namespace distsys::domain::geo {

/// Calls f(x0, y0, x1, y1) for each edge; longitudes run on beyond 180 degrees where edges cross the antimeridian, and
/// are the vertices' own (to the bit) until then. Answers how many turns the ring's end is away from its begin: not 0
/// around a pole.
template <class F>
int each_edge(const polygon& p, F f) {
  int turns = 0;
  for (std::size_t i = 0; i < p.ring.size(); ++i) {
    const position& a = p.ring[i];
    const position& b = p.ring[i + 1 == p.ring.size() ? 0 : i + 1];
    const double from = a.lon + 360.0 * turns;
    turns += b.lon - a.lon > 180 ? -1 : b.lon - a.lon < -180 ? 1 : 0;
    f(from, a.lat, b.lon + 360.0 * turns, b.lat);
  }
  return turns;
}

/// Of the ring as it runs on: west and east may lie beyond 180 degrees. The ring has a vertex.
struct ring_extent {
  double west, south, east, north;
};

inline ring_extent extent_of(const polygon& p) {
  const position& v = p.ring.front();
  ring_extent e{v.lon, v.lat, v.lon, v.lat};
  each_edge(p, [&e](double, double, double x, double y) {
    e = {std::min(e.west, x), std::min(e.south, y), std::max(e.east, x), std::max(e.north, y)};
  });
  return e;
}

}  // namespace distsys::domain::geo
