// Points, boxes and circles on the sphere (WGS 84 coordinates, great-circle distances).
#pragma once

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

using area = std::variant<everywhere, circle, box, nearest>;

bool contains(const circle& c, const position& p) noexcept;
bool contains(const box& b, const position& p) noexcept;

/// One box, or two at the antimeridian, that hold the whole circle. A circle that holds a pole has every longitude.
std::vector<box> bounds(const circle& c);

}  // namespace distsys::domain::geo
