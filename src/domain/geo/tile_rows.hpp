// Rows of geo_tiles as the repository reads and writes them.
#pragma once

#include "distsys/domain/geo/tile_repository.hpp"

#include <string>
#include <string_view>

namespace distsys::domain::geo {

/// What tile_of() reads, in its order; `memory` comes last.
inline constexpr std::string_view tile_columns =
    "tile_key, fence, feed, tile, source, parent, level, west, south, east, north, state, interval_ms, next_poll, "
    "last_poll, last_answer, last_complete, last_count, last_changes, cap, capped, failures, complete_polls, "
    "quiet_polls, owner, lease_until, last_error, memory";
leased_tile tile_of(const ports::table& rows, std::size_t row);

/// INSERT of a tile; `unless_there`: a known name changes nothing.
ports::statement insert_tile(ports::dialect d, const tile_view& t, timestamp now, bool unless_there);

/// A key that is in no table yet, very likely.
std::int64_t new_tile_key();

/// Is somebody polling it, or is it due only lately? Two parameters: now less ten minutes, now.
inline constexpr std::string_view alive_tile = "(t.next_poll + 3 * t.interval_ms > ? OR t.lease_until > ?)";

inline std::int64_t ms_of(timestamp t) noexcept { return t.time_since_epoch().count(); }
inline std::optional<std::int64_t> ms_of(const std::optional<timestamp>& t) noexcept {
  return t ? std::optional(ms_of(*t)) : std::nullopt;
}
inline timestamp time_of_ms(std::int64_t ms) noexcept { return timestamp(std::chrono::milliseconds(ms)); }

}  // namespace distsys::domain::geo
