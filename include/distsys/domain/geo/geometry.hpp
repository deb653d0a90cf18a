// Points, boxes, circles and polygons on the sphere (WGS 84 coordinates, great-circle distances).
#pragma once

#include <cstddef>
#include <optional>
#include <variant>
#include <vector>

namespace distsys::domain::geo {

inline constexpr double earth_radius_m = 6'371'008.8;  // mean radius R1 of the IUGG

/// Degrees. latitude -90 … 90, longitude -180 … 180 (180 and -180 are one meridian).
struct position {
  double lon = 0;
  double lat = 0;
  friend bool operator==(const position&, const position&) = default;
};

/// Finite and in range.
bool valid(const position& p) noexcept;

/// Metres along the great circle (haversine; exact enough for antipodes and for centimetres).
double distance_m(const position& a, const position& b) noexcept;

/// All within radius_m of the centre, its edge included.
struct circle {
  position center;
  double radius_m = 0;
};

/// west > east means: across the antimeridian. Edges included.
struct box {
  double west = -180, south = -90, east = 180, north = 90;
};

/// The k nearest to the centre, nearest first.
struct nearest {
  position center;
  unsigned k = 1;
};

struct everywhere {};

/// All within one ring, its edges included. The last vertex is joined to the first, which may be repeated there. Edges
/// are straight in longitude and latitude; one that spans more than 180 degrees of longitude crosses the antimeridian.
/// Where the ring crosses itself, inside is what an odd number of edges surround.
struct polygon {
  static constexpr std::size_t max_vertices = 1000;
  std::vector<position> ring;
};

using area = std::variant<everywhere, circle, box, nearest, polygon>;

/// 3 … max_vertices different corners on Earth, and no pole inside: a ring around one is not closed in longitude.
bool valid(const polygon& p) noexcept;

bool contains(const circle& c, const position& p) noexcept;
bool contains(const box& b, const position& p) noexcept;
/// Even-odd rule; linear in the number of vertices. False for a polygon without vertices.
bool contains(const polygon& area, const position& p) noexcept;

/// Whether a position is inside an area. Everything is everywhere, and may be among the nearest.
bool matches(const area& where, const position& p) noexcept;

/// One box, or two at the antimeridian, that hold the whole circle. A circle that holds a pole has every longitude.
std::vector<box> bounds(const circle& c);
/// The same of a valid polygon: none when it has no vertices.
std::vector<box> bounds(const polygon& p);

/// matches() for many positions. About a small circle nearly every one is told by a few multiplications. Refers to the
/// area.
class area_test {
 public:
  explicit area_test(const area& where);
  bool operator()(const position& p) const noexcept;

 private:
  /// The law of haversines for a circle, with chords for arcs where that is certain enough. Angles in radians.
  struct small_circle {
    double lon, lat;  // degrees
    double cos_lat, sin_lat;
    double reach;                  // the radius
    double surely_in, surely_out;  // squares of distances
  };

  const area& where_;
  std::optional<small_circle> circle_;
};

}  // namespace distsys::domain::geo
