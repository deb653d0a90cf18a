#include "distsys/domain/geo/tile.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace distsys::domain::geo {
namespace {

/// A poll that is this late and three intervals more is not coming: nobody polls the tile.
constexpr auto patience = std::chrono::minutes(10);

}  // namespace

std::string_view name(tile_state s) noexcept {
  switch (s) {
    case tile_state::polling:
      return "polling";
    case tile_state::split:
      return "split";
    case tile_state::retired:
      return "retired";
  }
  return "unknown";
}

std::string_view name(tile_coverage c) noexcept {
  switch (c) {
    case tile_coverage::covered:
      return "covered";
    case tile_coverage::capped:
      return "capped";
    case tile_coverage::failing:
      return "failing";
    case tile_coverage::never:
      return "never";
  }
  return "unknown";
}

tile_coverage coverage_of(const tile_view& t, timestamp now) noexcept {
  if (!t.last_answer) return t.failures > 0 ? tile_coverage::failing : tile_coverage::never;
  const bool leased = t.leased_until && *t.leased_until > now;
  if (t.failures > 0 || (!leased && t.next_poll + patience + 3 * t.interval < now)) return tile_coverage::failing;
  return t.capped ? tile_coverage::capped : tile_coverage::covered;
}

double area_m2(const box& b) noexcept {
  constexpr double radians = std::numbers::pi / 180;
  double wide = b.east - b.west;
  if (wide < 0) wide += 360;
  // Archimedes: a zone of the sphere has the area of its cylinder.
  return earth_radius_m * earth_radius_m * wide * radians * (std::sin(b.north * radians) - std::sin(b.south * radians));
}

std::array<box, 4> quarters(const box& b) noexcept {
  const double lon = b.west + (b.east - b.west) / 2, lat = b.south + (b.north - b.south) / 2;
  return {{{b.west, b.south, lon, lat},
           {lon, b.south, b.east, lat},
           {b.west, lat, lon, b.north},
           {lon, lat, b.east, b.north}}};
}

std::string child_name(const tile_view& parent, unsigned quarter) {
  return parent.tile + (parent.level == 0 ? ":" : "") + static_cast<char>('0' + quarter);
}

}  // namespace distsys::domain::geo
