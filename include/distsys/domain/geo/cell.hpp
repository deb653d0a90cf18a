// Positions as 64-bit cell ids, so that an area is a few range scans of an integer index in any SQL database.
//
// A cell id is the Morton (Z-order) interleaving of longitude and latitude, each scaled to 31 bits: 62 bits, never
// negative. A quadtree cell of level L (0 … 31) is the range of ids that share its first 2L bits.
// G. M. Morton, "A computer oriented geodetic data base and a new technique in file sequencing", IBM, 1966.
#pragma once

#include "distsys/domain/geo/geometry.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace distsys::domain::geo {

using cell_id = std::int64_t;

cell_id cell_of(const position& p) noexcept;
/// The middle of a cell: within 1e-7 degrees, or 1 cm, of every position in it.
position center_of(cell_id c) noexcept;

/// Ids first … last, both included.
struct cell_range {
  cell_id first, last;
  friend bool operator==(const cell_range&, const cell_range&) = default;
};

/// At most `max_ranges` ascending, disjoint ranges that hold every position of the area (and some around it: filter).
std::vector<cell_range> cover(const circle& c, std::size_t max_ranges = 16);
std::vector<cell_range> cover(const box& b, std::size_t max_ranges = 16);
std::vector<cell_range> cover(const polygon& p, std::size_t max_ranges = 16);
/// The one range of every id.
std::vector<cell_range> everything();

}  // namespace distsys::domain::geo
