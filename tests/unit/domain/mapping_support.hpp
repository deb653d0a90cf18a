// Mappings and records of one member each, for the tests of mapped feeds.
#pragma once

#include "distsys/domain/geo/mapping.hpp"
#include "distsys/foundation/json.hpp"
#include "distsys/foundation/text.hpp"

#include <catch2/catch.hpp>

#include <string>

namespace distsys::domain::geo {

/// A mapping of the members that every one needs and `more`, which may override them.
inline std::string mapping_text(const std::string& more) {
  json::object o = json::parse(R"({"source":"s","records":"/r","id":"/id","kind":{"constant":"k"},
                                   "position":{"lon":"/x","lat":"/y"}})")
                       .value()
                       .get_object();
  const json::value members = json::parse("{" + more + "}").value();
  for (const auto& member : members.get_object()) o[member.key()] = member.value();
  return boost::json::serialize(o);
}

inline std::string faults_of(const std::string& more) {
  const auto read = mapping::parse(mapping_text(more), "m.json");
  return read ? "" : read.error().detail;
}

inline mapped_observation read(const std::string& more, const std::string& records) {
  const auto by = mapping::parse(mapping_text(more), "m.json");
  INFO((by ? "" : by.error().detail));
  REQUIRE(by.has_value());
  const auto seen = decode(R"({"r":[)" + records + "]}", *by, {.observed = timestamp(std::chrono::milliseconds(1))});
  INFO((seen ? "" : seen.error().detail));
  REQUIRE(seen.has_value());
  return *seen;
}

/// The one event of one record, which has an id and a position unless it says otherwise.
inline event one(const std::string& more, const std::string& members) {
  const auto seen = read(more, R"({"id":"a","x":1,"y":2)" + (members.empty() ? "" : "," + members) + "}");
  INFO((seen.seen.refused.empty() ? "" : seen.seen.refused[0].reason + ": " + seen.seen.refused[0].detail));
  REQUIRE(seen.seen.events.size() == 1);
  return seen.seen.events[0];
}

/// Why the one record is refused.
inline std::string reason(const std::string& more, const std::string& record) {
  const auto seen = read(more, record);
  REQUIRE(seen.seen.refused.size() == 1);
  CHECK(seen.seen.events.empty());
  return seen.seen.refused[0].reason + " " + seen.seen.refused[0].detail;
}

inline timestamp at(std::string_view text) { return parse_time(text).value(); }

}  // namespace distsys::domain::geo
