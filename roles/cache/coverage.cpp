#include "coverage.hpp"

#include "distsys/foundation/json.hpp"
#include "distsys/foundation/text.hpp"

#include <chrono>
#include <cmath>
#include <optional>
#include <string_view>

namespace distsys::roles::cache {
namespace {

namespace geo = domain::geo;

constexpr double m2_per_km2 = 1e6;

void append_corner(std::string& out, double lon, double lat) {
  out += '[';
  json::append_number(out, lon);
  out += ',';
  json::append_number(out, lat);
  out += ']';
}

// Anticlockwise, as RFC 7946 asks of an outer ring.
void append_ring(std::string& out, double west, double south, double east, double north) {
  out += "[[";
  append_corner(out, west, south);
  out += ',';
  append_corner(out, east, south);
  out += ',';
  append_corner(out, east, north);
  out += ',';
  append_corner(out, west, north);
  out += ',';
  append_corner(out, west, south);
  out += "]]";
}

void append_geometry(std::string& out, const std::optional<geo::box>& bounds) {
  if (!bounds) {
    out += "null";
    return;
  }
  const geo::box& b = *bounds;
  if (b.west <= b.east) {
    out += R"({"type":"Polygon","coordinates":)";
    append_ring(out, b.west, b.south, b.east, b.north);
  } else {
    out += R"({"type":"MultiPolygon","coordinates":[)";
    append_ring(out, b.west, b.south, 180, b.north);
    out += ',';
    append_ring(out, -180, b.south, b.east, b.north);
    out += ']';
  }
  out += '}';
}

void append_time(std::string& out, std::string_view name, const std::optional<geo::timestamp>& time) {
  out += ",\"";
  out += name;
  out += "\":";
  if (time) {
    json::append_string(out, format_time(*time));
  } else {
    out += "null";
  }
}

void append_feature(std::string& out, const geo::tile_view& t, geo::timestamp now) {
  out += R"({"type":"Feature","geometry":)";
  append_geometry(out, t.bounds);
  out += R"(,"properties":{"source":)";
  json::append_string(out, t.source);
  out += ",\"tile\":";
  json::append_string(out, t.tile);
  out += ",\"state\":";
  json::append_string(out, name(coverage_of(t, now)));
  append_time(out, "last_answer", t.last_answer);
  append_time(out, "next_poll", t.next_poll);
  out += ",\"interval_seconds\":";
  json::append_number(out, std::chrono::duration<double>(t.interval).count());
  out += ",\"events\":";
  json::append_number(out, static_cast<std::int64_t>(t.last_count));
  out += ",\"area_km2\":";
  json::append_number(out, t.bounds ? std::round(area_m2(*t.bounds) / m2_per_km2 * 1000) / 1000 : 0.0);
  out += "}}";
}

}  // namespace

std::string coverage_text(std::span<const geo::tile_view> tiles, geo::timestamp now) {
  std::string out = R"({"type":"FeatureCollection","features":[)";
  bool first = true;
  for (const geo::tile_view& t : tiles) {
    if (t.state != geo::tile_state::polling) continue;  // a split one is its children, a retired one nobody asks
    if (!first) out += ',';
    first = false;
    append_feature(out, t, now);
  }
  return out + "]}";
}

}  // namespace distsys::roles::cache
