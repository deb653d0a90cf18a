// What a poll means for its tile: when to ask again, whether to split it or to merge it with its siblings. Pure.
#pragma once

#include "distsys/domain/geo/tile.hpp"
#include "distsys/runtime/random.hpp"

#include <chrono>
#include <cstddef>
#include <span>

namespace distsys::roles::scraper {

/// Between what the time between two polls may be, and where it begins. least == most: it is fixed.
struct interval_bounds {
  std::chrono::milliseconds least{60'000}, first{60'000}, most{60'000};
};

/// The interval after a poll that changed `changes` of `count` events. AIMD, as TCP finds its rate (Chiu and Jain,
/// 1989), on the interval: halved when a tenth or more of what the answer held had changed, a quarter of the first
/// interval longer when nothing had, else as it was; never out of bounds.
std::chrono::milliseconds adapted(std::chrono::milliseconds interval, const interval_bounds& bounds,
                                  std::size_t changes, std::size_t count) noexcept;

inline constexpr unsigned deepest_split = 14;  // a quarter of a quarter …: 1/16384 of the side
inline constexpr std::size_t most_tiles_a_feed = 4096;

/// An answer of `count` records came from a source that answers at most `cap` (0: no limit is known).
bool is_capped(std::size_t count, std::size_t cap) noexcept;
/// A capped tile splits when it has an area that is worth dividing.
bool may_split(const domain::geo::tile_view& t) noexcept;

/// Siblings are quiet when all of them together hold at most half of what one answer may.
bool are_quiet(std::span<const domain::geo::tile_view> siblings, std::size_t cap) noexcept;
/// Four polling siblings, none of them capped or failing, each quiet for `polls` polls of its own.
bool may_merge(std::span<const domain::geo::tile_view> siblings, std::size_t cap, unsigned polls) noexcept;
inline constexpr unsigned polls_before_merge = 3;

}  // namespace distsys::roles::scraper
