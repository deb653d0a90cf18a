// Cells of the quadtree over cell ids: what is cached, counted and polled as one.
#pragma once

#include "distsys/domain/geo/cell.hpp"

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace distsys::domain::geo {

/// A value of eight bytes. Level 0 is the world, each further level halves both sides.
class quad {
 public:
  static constexpr unsigned deepest = 31;

  quad() noexcept = default;  // the world
  /// The one of that level that holds the cell id.
  static quad of(cell_id c, unsigned level) noexcept;
  /// Nothing for a number that no code() is.
  static std::optional<quad> from_code(std::uint64_t code) noexcept;
  /// Nothing for a text that no name() is.
  static std::optional<quad> parse(std::string_view name) noexcept;

  unsigned level() const noexcept;
  cell_range range() const noexcept;
  /// Its positions have west <= longitude < east and south <= latitude < north, exactly; the northernmost have the pole
  /// too, the westernmost the meridian of 180 degrees under both its names.
  box bounds() const noexcept;
  /// Of the world: the world.
  quad parent() const noexcept;
  /// The one of a level above that holds it; itself for its own level and those below.
  quad ancestor(unsigned level) const noexcept;
  /// Ascending: south-west, north-west, south-east, north-east. Not for the deepest.
  std::array<quad, 4> children() const noexcept;
  bool contains(cell_id c) const noexcept;
  /// Itself, too.
  bool contains(const quad& q) const noexcept;

  /// A leading 1 bit, then two bits a level: unique over all levels, fits 63 bits.
  std::uint64_t code() const noexcept { return code_; }
  /// "w" for the world, then one digit 0-3 a level: "w0312", a quadkey.
  std::string name() const;

  /// By code: coarse before fine, then along the curve.
  friend auto operator<=>(const quad&, const quad&) = default;

 private:
  explicit quad(std::uint64_t code) noexcept : code_(code) {}
  std::uint64_t code_ = 1;
};

enum class overlap { none, partly, whole };

/// How much of a quad an area holds. Never wrong about none and whole; partly where it is not sure, within half a metre
/// of a circle's edge and 1e-9 degrees of a polygon's. Of `nearest` the whole, as of everywhere: its events may be
/// anywhere.
overlap compare(const area& a, const quad& q) noexcept;
/// compare() != none, for less.
bool touches(const area& a, const quad& q) noexcept;

/// The quads of one level that touch the area, ascending. The level comes from the area's extent alone: the finest,
/// `finest` at most, at which an area of this size touches at most `most` (4 … 64) quads wherever it lies, so that
/// areas of one size share their quads. Everywhere, and nearest, is the world.
std::vector<quad> cover_quads(const area& a, std::size_t most = 16, unsigned finest = quad::deepest);

/// The level of cover_quads.
unsigned cover_level(const area& a, std::size_t most = 16, unsigned finest = quad::deepest);

/// The quads of that level that touch the area, ascending; nothing when there are more than `most`.
std::optional<std::vector<quad>> quads_of(const area& a, unsigned level, std::size_t most);

}  // namespace distsys::domain::geo
