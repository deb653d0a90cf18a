// The grid under cell ids: columns and rows of 31 bits, and how they interleave.
#pragma once

#include "distsys/domain/geo/cell.hpp"

#include <cstdint>
#include <vector>

namespace distsys::domain::geo::morton {

inline constexpr unsigned axis_bits = 31;
inline constexpr std::uint32_t axis_max = (1u << axis_bits) - 1;
inline constexpr double columns = 2147483648.0;

/// The lower edge of a column or row, exactly: 360/2^31 and 180/2^31 are short binary fractions.
constexpr double edge(double n, double low) noexcept { return n * (-2 * low / columns) + low; }

/// Degrees, scaled; `low` is the axis' lower end. Monotonic, so that whatever lies between two positions lies between
/// their numbers: that is why covers lose nothing to rounding.
inline std::uint32_t scale(double degrees, double low) noexcept {
  const double scaled = (degrees - low) / (-2 * low) * columns;
  if (!(scaled > 0)) return 0;
  const auto n = scaled >= static_cast<double>(axis_max) ? axis_max : static_cast<std::uint32_t>(scaled);
  // Subtracting rounds: -1e-20 degrees is not east of 0.
  return n > 0 && degrees < edge(n, low) ? n - 1 : n;
}
inline std::uint32_t column(double lon) noexcept { return scale(lon, -180); }
inline std::uint32_t row(double lat) noexcept { return scale(lat, -90); }
inline double west_of(double column) noexcept { return edge(column, -180); }
inline double south_of(double row) noexcept { return edge(row, -90); }

/// Moves bit i to bit 2i ("Interleave bits by binary magic numbers", S. E. Anderson, Bit Twiddling Hacks).
inline std::uint64_t spread(std::uint32_t v) noexcept {
  std::uint64_t x = v;
  x = (x | x << 16) & 0x0000FFFF0000FFFFull;
  x = (x | x << 8) & 0x00FF00FF00FF00FFull;
  x = (x | x << 4) & 0x0F0F0F0F0F0F0F0Full;
  x = (x | x << 2) & 0x3333333333333333ull;
  return (x | x << 1) & 0x5555555555555555ull;
}

inline std::uint32_t gather(std::uint64_t x) noexcept {
  x &= 0x5555555555555555ull;
  x = (x | x >> 1) & 0x3333333333333333ull;
  x = (x | x >> 2) & 0x0F0F0F0F0F0F0F0Full;
  x = (x | x >> 4) & 0x00FF00FF00FF00FFull;
  x = (x | x >> 8) & 0x0000FFFF0000FFFFull;
  return static_cast<std::uint32_t>(x | x >> 16);
}

inline cell_id interleave(std::uint32_t x, std::uint32_t y) noexcept {
  return static_cast<cell_id>(spread(x) << 1 | spread(y));
}

/// Columns and rows, both ends included.
struct rectangle {
  std::uint32_t x0, y0, x1, y1;
};

/// The rectangles of a box: two across the antimeridian. The meridian of 180 degrees is column 0 (see cell_of).
inline void add_rectangles(const box& b, std::vector<rectangle>& out) {
  if (!(b.south <= b.north)) return;
  const std::uint32_t y0 = row(b.south), y1 = row(b.north);
  const auto add = [&](double west, double east) { out.push_back({column(west), y0, column(east), y1}); };
  if (b.west > b.east) {
    add(b.west, 180);
    add(-180, b.east);
    return;
  }
  add(b.west, b.east);
  if (b.east >= 180 && b.west > -180) add(-180, -180);
}

}  // namespace distsys::domain::geo::morton
