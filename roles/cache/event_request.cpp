#include "event_request.hpp"

#include "distsys/foundation/json.hpp"
#include "distsys/foundation/text.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <optional>
#include <utility>

namespace distsys::roles::cache {
namespace {

namespace geo = domain::geo;

constexpr std::size_t max_names = 32, max_name_bytes = 64, max_cursor_bytes = 1024;
constexpr double metres_per_mile = 1609.344;
constexpr double half_way_round_m = std::numbers::pi * geo::earth_radius_m;

// All the numbers of "1,2,3,4", or nothing.
template <std::size_t N>
std::optional<std::array<double, N>> read_numbers(std::string_view text) {
  const auto parts = split(text, ',');
  if (parts.size() != N) return std::nullopt;
  std::array<double, N> out{};
  for (std::size_t i = 0; i < N; ++i) {
    const auto number = parse_real(trim(parts[i]));
    if (!number) return std::nullopt;
    out[i] = *number;
  }
  return out;
}

std::optional<double> read_radius_m(std::string_view text) {
  constexpr std::pair<std::string_view, double> units[] = {{"km", 1000}, {"mi", metres_per_mile}, {"m", 1}};
  double factor = 1000;
  for (const auto& [suffix, metres] : units) {
    if (!text.ends_with(suffix)) continue;
    text.remove_suffix(suffix.size());
    factor = metres;
    break;
  }
  const auto number = parse_real(trim(text));
  if (!number || *number < 0) return std::nullopt;
  const double metres = *number * factor;
  if (!(metres <= half_way_round_m + 1)) return std::nullopt;
  return metres;
}

std::optional<geo::box> read_box(std::string_view text, net::query_parameters& parameters) {
  const auto n = read_numbers<4>(text);
  if (!n) {
    parameters.refuse("bbox", "four numbers are expected: west,south,east,north");
    return std::nullopt;
  }
  const geo::box b{(*n)[0], (*n)[1], (*n)[2], (*n)[3]};
  if (!geo::valid({b.west, b.south}) || !geo::valid({b.east, b.north})) {
    parameters.refuse("bbox", "longitudes are -180 … 180 and latitudes -90 … 90");
  } else if (b.south > b.north) {
    parameters.refuse("bbox", "south is north of north (the order is west,south,east,north)");
  } else {
    return b;
  }
  return std::nullopt;
}

std::optional<geo::circle> read_circle(net::query_parameters& parameters) {
  const auto lat = parameters.real("lat", -90, 90);
  const auto lon = parameters.real("lon", -180, 180);
  const auto radius = parameters.text("radius");
  const auto metres = radius ? read_radius_m(*radius) : std::nullopt;
  if (radius && !metres) parameters.refuse("radius", "a distance is expected: 5, 5km, 800m, 3mi; at most 20015 km");
  if (!lat || !lon || !metres) return std::nullopt;
  return geo::circle{{*lon, *lat}, *metres};
}

std::optional<geo::nearest> read_nearest(std::string_view text, net::query_parameters& parameters) {
  const auto n = read_numbers<2>(text);
  const auto k = parameters.integer("k", 1, 1000);
  if (!n || !geo::valid({(*n)[1], (*n)[0]})) {
    parameters.refuse("near", "a latitude and a longitude are expected: near=-33.45,-70.66");
    return std::nullopt;
  }
  return geo::nearest{{(*n)[1], (*n)[0]}, static_cast<unsigned>(k.value_or(10))};
}

// One of the ways to name an area; saying two of them is a mistake to be told.
geo::area read_area(net::query_parameters& parameters) {
  const auto bbox = parameters.text("bbox");
  const auto near = parameters.text("near");
  const bool lat = parameters.text("lat").has_value(), lon = parameters.text("lon").has_value(),
             radius = parameters.text("radius").has_value();
  const bool circle = lat || lon || radius;
  if (static_cast<int>(bbox.has_value()) + static_cast<int>(near.has_value()) + static_cast<int>(circle) > 1) {
    parameters.refuse(bbox ? "bbox" : "near", "one area at a time: lat, lon and radius, or bbox, or near and k");
  }
  if (!near && parameters.text("k")) parameters.refuse("k", "needs near=lat,lon");
  geo::area where = geo::everywhere{};
  if (circle) {
    if (!lat) parameters.refuse("lat", "is missing beside lon and radius");
    if (!lon) parameters.refuse("lon", "is missing beside lat and radius");
    if (!radius) parameters.refuse("radius", "is missing beside lat and lon");
    if (const auto c = read_circle(parameters)) where = *c;
  }
  if (bbox) {
    if (const auto b = read_box(*bbox, parameters)) where = *b;
  }
  if (near) {
    if (const auto n = read_nearest(*near, parameters)) where = *n;
  }
  return where;
}

std::vector<std::string> read_names(std::string_view name, net::query_parameters& parameters) {
  std::vector<std::string> names = parameters.texts(name);
  std::erase(names, "");
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  const bool too_long =
      std::any_of(names.begin(), names.end(), [](const std::string& n) { return n.size() > max_name_bytes; });
  if (names.size() > max_names || too_long) parameters.refuse(name, "at most 32 names of 64 bytes");
  return names;
}

void append_numbers(std::string& key, std::initializer_list<double> numbers) {
  for (const double n : numbers) {
    key += ' ';
    json::append_number(key, n == 0 ? 0.0 : n);  // -0 is 0
  }
}

struct area_key {
  std::string& key;
  void operator()(const geo::everywhere&) const { key += "all"; }
  void operator()(const geo::circle& c) const {
    key += "circle";
    append_numbers(key, {c.center.lon, c.center.lat, c.radius_m});
  }
  void operator()(const geo::box& b) const {
    key += "box";
    append_numbers(key, {b.west, b.south, b.east, b.north});
  }
  void operator()(const geo::nearest& n) const {
    key += "near";
    append_numbers(key, {n.center.lon, n.center.lat, static_cast<double>(n.k)});
  }
  void operator()(const geo::polygon& p) const {
    key += "polygon";
    for (const geo::position& v : p.ring) append_numbers(key, {v.lon, v.lat});
  }
};

void append_names(std::string& key, char what, const std::vector<std::string>& names) {
  for (const std::string& n : names) {
    key += what;
    json::append_string(key, n);  // quoted, so that no name can look like another part
  }
}

std::string key_of(const geo::event_query& q) {
  std::string key;
  key.reserve(128);
  std::visit(area_key{key}, q.where);
  append_names(key, 'k', q.kinds);
  append_names(key, 's', q.sources);
  if (q.since) key += " since " + std::to_string(q.since->time_since_epoch().count());
  if (q.min_severity) key += " severity " + std::to_string(*q.min_severity);
  key += " limit " + std::to_string(q.limit);
  if (!q.cursor.empty()) append_names(key, 'c', {q.cursor});
  return key;
}

}  // namespace

result<event_request> read_event_request(std::string_view encoded_query) {
  net::query_parameters parameters(encoded_query);
  event_request r;
  geo::event_query& q = r.query;
  q.where = read_area(parameters);
  q.kinds = read_names("kind", parameters);
  q.sources = read_names("source", parameters);
  if (const auto since = parameters.text("since")) {
    const auto time = parse_time(*since);
    if (time) {
      q.since = *time;
    } else {
      parameters.refuse("since", "an RFC 3339 time is expected: 2025-04-09T18:03:00Z");
    }
  }
  if (const auto severity = parameters.integer("min_severity", 0, 10)) q.min_severity = static_cast<int>(*severity);
  if (const auto limit = parameters.integer("limit", 1, 10'000)) q.limit = static_cast<std::size_t>(*limit);
  q.cursor = parameters.text("cursor").value_or("");
  if (q.cursor.size() > max_cursor_bytes) parameters.refuse("cursor", "is not one of ours");
  if (const auto ok = parameters.finish(); !ok) return ok.error();
  r.key = key_of(q);
  return r;
}

bool stream_filter::wants_kind(std::string_view kind) const noexcept {
  return kinds.empty() || std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
}

bool stream_filter::wants_source(std::string_view source) const noexcept {
  return sources.empty() || std::find(sources.begin(), sources.end(), source) != sources.end();
}

bool stream_filter::covers(const geo::position& p) const noexcept { return everywhere || geo::contains(where, p); }

result<stream_request> read_stream_request(std::string_view encoded_query) {
  net::query_parameters parameters(encoded_query);
  stream_request r;
  if (const auto bbox = parameters.text("bbox")) {
    r.filter.everywhere = false;
    if (const auto b = read_box(*bbox, parameters)) r.filter.where = *b;
  }
  r.filter.kinds = read_names("kind", parameters);
  r.filter.sources = read_names("source", parameters);
  r.last_event_id = parameters.text("last_event_id").value_or("");
  if (const auto ok = parameters.finish(); !ok) return ok.error();
  return r;
}

}  // namespace distsys::roles::cache
