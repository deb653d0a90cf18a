// What a scraper polls as one: a source, or a part of its area, with its own schedule. Plain data and pure functions.
#pragma once

#include "distsys/domain/geo/event.hpp"
#include "distsys/domain/geo/geometry.hpp"

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace distsys::domain::geo {

enum class tile_state {
  polling,
  split,    // its four children are polled instead
  retired,  // a recording that was played to its end
};
std::string_view name(tile_state s) noexcept;

/// A tile as it is stored: for schedules, pages and maps.
struct tile_view {
  std::string feed;           // what is asked: the source's name and a hash of its address and area; a key
  std::string tile;           // which part of it: the area as written, or "santiago:03", a digit (0-3) a level
  std::string source;         // its name: "waze"
  std::string parent;         // the tile that it is a quarter of; empty: none
  unsigned level = 0;         // 0: the whole area
  std::optional<box> bounds;  // nothing: the source is not asked by area
  tile_state state = tile_state::polling;
  std::chrono::milliseconds interval{0};
  timestamp next_poll{};                   // not before
  std::optional<timestamp> last_poll;      // asked, with whatever outcome
  std::optional<timestamp> last_answer;    // a good answer, an unchanged one too
  std::optional<timestamp> last_complete;  // a good answer below the cap
  std::size_t last_count = 0;              // records in the last good answer
  std::size_t last_changes = 0;            // events that it added, changed or ended
  std::size_t cap = 0;                     // the most records in an answer; 0: not known
  bool capped = false;                     // the last good answer was at the cap
  unsigned failures = 0;                   // in a row
  std::string last_error;                  // of the last poll; empty: none
  std::uint64_t complete_polls = 0;        // ever
  unsigned quiet_polls = 0;                // in a row, in which it and its siblings were well under the cap
  std::string owner;                       // who polls it now; empty: nobody
  std::optional<timestamp> leased_until;   // by the owner
  std::int64_t key = 0;                    // of the row
  std::int64_t fence = 0;                  // grows with every lease: an older holder can write nothing any more
};

/// What is known of a tile's area now.
enum class tile_coverage {
  covered,  // its last answer was good and whole
  capped,   // its last answer was good, and cut off at the source's cap
  failing,  // its last poll failed, or is long overdue
  never,    // there was no good answer yet
};
std::string_view name(tile_coverage c) noexcept;
tile_coverage coverage_of(const tile_view& t, timestamp now) noexcept;

/// Of a box on the sphere. Longitudes may cross the antimeridian.
double area_m2(const box& b) noexcept;

/// South-west, south-east, north-west, north-east. The box does not cross the antimeridian.
std::array<box, 4> quarters(const box& b) noexcept;

/// "santiago" -> "santiago:0" … "santiago:3"; "santiago:0" -> "santiago:00" … .
std::string child_name(const tile_view& parent, unsigned quarter);

}  // namespace distsys::domain::geo
