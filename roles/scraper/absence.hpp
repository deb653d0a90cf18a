// Which events a tile no longer holds: once is not deletion, so that absences are counted. Pure.
#pragma once

#include "distsys/domain/geo/event.hpp"
#include "distsys/domain/geo/tile_repository.hpp"

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace distsys::roles::scraper {

/// What is remembered of an event that an answer held.
struct presence {
  std::string source, id;
  std::vector<std::string> aliases;
  domain::geo::position at;
  std::optional<domain::geo::timestamp> started;
};
std::vector<presence> presences_of(const std::vector<domain::geo::event>& events);

/// At least half of an answer, which had `refused` records more than `events`, are good events inside of what was asked
/// for. A source that ignores the area, or whose records are refused, would be split for ever.
bool answers_by_area(const std::vector<presence>& events, const domain::geo::box& asked, std::size_t refused);

/// What an answer can say of what it does not hold.
struct answer_reach {
  domain::geo::timestamp observed{};
  bool complete = false;                        // false: cut off or refused in part; silent on what is missing
  std::optional<domain::geo::timestamp> since;  // events that began before this were not asked for
  /// Sources and ids of what it holds without saying where: not missing.
  std::vector<std::pair<std::string, std::string>> placeless{};
};

struct absence_plan {
  domain::geo::sighting_changes changes;
  std::vector<domain::geo::sighting> missing;  // absent `after` times now: over, unless another tile has them
};

/// What an answer changes of the tile's sightings. New events are remembered, and those that are back; the others miss
/// one more poll. An event that is present under another id is no longer expected under this one. Events that ended by
/// themselves (`ended`) are forgotten.
absence_plan plan_absences(const std::vector<domain::geo::sighting>& known, const std::vector<presence>& present,
                           const std::vector<std::pair<std::string, std::string>>& ended, const answer_reach& reach,
                           unsigned after);

/// The answer was the same as the one before: what was missing then is missing again.
absence_plan plan_unchanged(const std::vector<domain::geo::sighting>& known, const answer_reach& reach, unsigned after);

}  // namespace distsys::roles::scraper
