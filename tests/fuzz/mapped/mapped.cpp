// Mapped feeds: the input as a document that a fixed mapping reads, and as a mapping that reads fixed documents; where
// a line of three dashes divides it, as a mapping and its document.
#include "../invariants.hpp"

#include "distsys/domain/geo/mapping.hpp"

#include <algorithm>

namespace {

using namespace distsys;
using namespace distsys::domain::geo;

/// Uses every form that a member may have.
constexpr std::string_view every_form = R"({
  "about": ["x"], "source": "feed", "records": "/r", "observed": {"pointer": "/at", "format": "unix_s"},
  "where": [{"pointer": "/s", "except": ["off"]}, {"coalesce": ["/id", "/k"], "present": true}],
  "id": "/id", "aliases": ["/also/*/id", "/a"], "replaces": ["/old/*"], "ended": [{"pointer": "/s", "values": ["over", 7]}],
  "kind": {"pointer": "/k", "table": {"Fire": "fire"}, "default": "other"}, "subtype": "/k",
  "severity": {"pointer": "/n", "scale": 2, "offset": -1}, "position": {"geometry": "/g", "absent": "skip"},
  "line": {"pointer": "/l", "lon": "/x", "lat": "/y"}, "text": {"coalesce": ["/t", "/l/-1/x"]}, "place": "/p",
  "started": {"pointer": "/b", "format": "%a, %d %b %Y %T.%f %z"}, "updated": "/u",
  "expires": {"pointer": "/e", "format": "unix_ms"}, "properties": {"v": "/v", "w": {"constant": 1}}})";

constexpr std::string_view rows = R"({"source": "rows", "records": "", "id": "/0", "kind": "/1",
  "position": {"lon": "/2", "lat": "/3"}, "line": "/4", "severity": {"pointer": "/5", "table": {"high": 9}, "default": 1},
  "started": {"pointer": "/6", "format": "%m/%d/%y %I:%M %p", "zone": "-05:00"}})";

constexpr std::string_view documents[] = {
    R"({"at":5,"r":[{"id":"a","k":"Fire","n":3.5,"s":"on","t":"x","p":"y","u":"2024-01-02T03:04:05Z","e":1,"b":"Tue, 02 Jan 2024 03:04:05.5 +0100",
        "g":{"type":"Polygon","coordinates":[[[179,0],[-177,0],[-177,2],[179,2],[179,0]]]},"l":[{"x":1,"y":2},{"x":3,"y":4}],"old":["z"],"v":[1]},
        {"id":7,"s":"over"},{"id":"b","g":{"type":"Point","coordinates":[1,2]}},{"id":"c","g":null},5,null,[]]})",
    R"([["a","Wild Fire",1,2,[[1,2],[3,4]],"high","01/02/24 03:04 PM"],["b",5,"6","7",{"type":"LineString","coordinates":[[1,2],[3,4]]}]])",
    R"({"type":"FeatureCollection","features":[{"id":"f","geometry":{"type":"Point","coordinates":[1,2]},"properties":{"id":"i","severity":"high"}}]})"};

void check(std::string_view document, const mapping& by) {
  const auto seen = decode(document, by, {.observed = timestamp{}});
  if (!seen) {
    fuzz::require(seen.error().code == errc::invalid || seen.error().code == errc::too_large);
    return;
  }
  fuzz::check_observation(seen->seen);
  fuzz::require(std::is_sorted(seen->ended.begin(), seen->ended.end()));
  for (const auto& e : seen->seen.events) {
    fuzz::require(!std::binary_search(seen->ended.begin(), seen->ended.end(), e.id));
    fuzz::require(e.source == by.source() && (e.line.empty() || e.line.size() > 1));
  }
}

void check_mapping(std::string_view text, std::string_view document) {
  const auto by = mapping::parse(text, "m");
  if (!by) {
    fuzz::require(!by.error().detail.empty() && by.error().detail.starts_with("m: "));
    return;
  }
  for (const auto d : documents) check(d, *by);
  check(document, *by);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const mapping fixed[] = {mapping::parse(every_form, "every_form").value(),
                                  mapping::parse(rows, "rows").value()};
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const auto& by : fixed) check(text, by);
  constexpr std::string_view line = "\n---\n";
  const auto divided = text.find(line);
  check_mapping(text.substr(0, divided), divided == std::string_view::npos ? "" : text.substr(divided + line.size()));
  return 0;
}
