// The canonical geographic event: what every source's records become.
#pragma once

#include "distsys/domain/geo/geometry.hpp"
#include "distsys/foundation/json.hpp"
#include "distsys/runtime/clock.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace distsys::domain::geo {

using runtime::timestamp;

struct event {
  std::string source;                // who says so: "usgs", "waze", "sim"
  std::string id;                    // unique within the source
  std::vector<std::string> aliases;  // other ids of the same event within the source
  std::string kind;            // "jam", "hazard", "accident", "road_closed", "police", "chit_chat", "earthquake", …
  std::string subtype;         // the source's finer word, lower case; may be empty
  int severity = 0;            // 0 (none, unknown) … 10; each codec documents its scale
  position at;                 // a jam's is its line's first vertex
  std::vector<position> line;  // of jams; empty for points
  std::string text;            // for people: a title or a report
  std::string place;           // for people: street, city
  std::optional<timestamp> started, updated, expires;
  json::object properties;  // what the source says beyond this; never personal data
};

/// The GeoJSON Feature (RFC 7946) of an event: the form in which it is stored and served. Deterministic: equal events
/// give equal bytes, whatever order the source's properties came in.
///
///     {"type":"Feature","id":"SOURCE/ID","geometry":…,"properties":{"source","id","kind","subtype"?,"severity","text"?,
///      "place"?,"started"?,"updated"?,"expires"?,"aliases"?,"source_properties"?}}
///
/// Members with ? are left out when they are empty; times are RFC 3339 in UTC. The geometry is a Point, or the
/// LineString of a jam with two or more vertices; the event's position is the point, or the line's first coordinate.
/// A line that crosses the antimeridian is the MultiLineString of its parts, cut there (RFC 7946, 3.1.9).
/// decode() reads it back.
std::string to_feature(const event& e);

/// Does its source say that it is over? (A property "status": "deleted".)
bool says_deleted(const event& e);

/// What was refused of a document, and why.
struct refusal {
  std::string reason;    // a word: "no_position", "out_of_range", "wrong_type", "no_id", "bad_time", "too_large"
  std::string detail;    // which member, which value
  std::string document;  // the record as JSON, without personal data
};

/// One answer of a source, decoded.
struct observation {
  timestamp observed;         // when the source said this
  std::vector<event> events;  // the last of those with the same id
  std::vector<refusal> refused;
  std::size_t duplicates = 0;  // records folded into another of the same id
};

}  // namespace distsys::domain::geo
