#include "query_parts.hpp"

#include "distsys/foundation/json.hpp"
#include "distsys/foundation/text.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <numbers>
#include <utility>
#include <variant>

namespace distsys::roles::cache {
namespace {

namespace geo = domain::geo;

constexpr std::size_t max_names = 32, max_name_bytes = 64;
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

std::optional<geo::polygon> read_polygon(std::string_view text, net::query_parameters& parameters) {
  geo::polygon p;
  const auto parts = split(text, ',');
  bool good = parts.size() % 2 == 0 && parts.size() >= 6 && parts.size() <= 2 * geo::polygon::max_vertices + 2;
  for (std::size_t i = 0; good && i < parts.size(); i += 2) {
    const auto lon = parse_real(trim(parts[i])), lat = parse_real(trim(parts[i + 1]));
    good = lon && lat && geo::valid({*lon, *lat});
    if (good) p.ring.push_back({*lon, *lat});
  }
  if (good && p.ring.size() > 3 && p.ring.front() == p.ring.back()) p.ring.pop_back();  // one spelling of a closed ring
  if (good && geo::valid(p)) return p;
  parameters.refuse("polygon", "3 to 1000 vertices are expected, lon,lat,lon,lat,…, in one ring without a pole inside");
  return std::nullopt;
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

}  // namespace

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

// One of the ways to name an area; saying two of them is a mistake to be told.
geo::area read_area(net::query_parameters& parameters) {
  const auto bbox = parameters.text("bbox");
  const auto near = parameters.text("near");
  const auto ring = parameters.text("polygon");
  const bool lat = parameters.text("lat").has_value(), lon = parameters.text("lon").has_value(),
             radius = parameters.text("radius").has_value();
  const bool circle = lat || lon || radius;
  const auto named = {bbox.has_value(), near.has_value(), ring.has_value(), circle};
  if (std::count(named.begin(), named.end(), true) > 1) {
    parameters.refuse(bbox   ? "bbox"
                      : near ? "near"
                             : "polygon",
                      "one area at a time: lat, lon and radius, or bbox, or polygon, or near and k");
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
  if (ring) {
    if (auto p = read_polygon(*ring, parameters)) where = std::move(*p);
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

std::optional<runtime::timestamp> read_time(std::string_view name, net::query_parameters& parameters) {
  const auto text = parameters.text(name);
  if (!text) return std::nullopt;
  auto time = parse_time(*text);
  if (time) return *time;
  parameters.refuse(name, "an RFC 3339 time is expected: 2025-04-09T18:03:00Z");
  return std::nullopt;
}

std::optional<runtime::timestamp> read_past(std::string_view name, net::query_parameters& parameters) {
  const auto time = read_time(name, parameters);
  if (!time) return std::nullopt;
  const runtime::timestamp second = std::chrono::floor<std::chrono::seconds>(*time);
  if (second <= runtime::now()) return second;
  parameters.refuse(name, "is yet to come");
  return std::nullopt;
}

void append_area(std::string& key, const geo::area& where) { std::visit(area_key{key}, where); }

void append_names(std::string& key, char what, const std::vector<std::string>& names) {
  for (const std::string& n : names) {
    key += what;
    json::append_string(key, n);
  }
}

}  // namespace distsys::roles::cache
