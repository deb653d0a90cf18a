#include "areas.hpp"

#include "places.hpp"

#include "distsys/foundation/text.hpp"

#include <algorithm>

namespace distsys::roles::scraper {
namespace {

namespace geo = domain::geo;

constexpr double half_way_round_m = 20'015'115;

error wrong(std::string_view text, std::string_view why) {
  return {errc::invalid, "area '" + std::string(text) + "': " + std::string(why) +
                             " (LAT/LON/RADIUS, WEST/SOUTH/EAST/NORTH, PLACE or PLACE/RADIUS)"};
}

result<double> metres(std::string_view text) {
  double unit = 1000;
  for (const auto& [suffix, factor] : {std::pair{"km", 1000.0}, std::pair{"mi", 1609.344}, std::pair{"m", 1.0}}) {
    if (!text.ends_with(suffix)) continue;
    text.remove_suffix(std::string_view(suffix).size());
    unit = factor;
    break;
  }
  const auto number = parse_real(text);
  if (!number || *number <= 0 || *number * unit > half_way_round_m) {
    return error{errc::invalid, "the radius is not a distance between 0 and 20015 km"};
  }
  return *number * unit;
}

bool read_numbers(const std::vector<std::string_view>& parts, std::vector<double>& out) {
  return std::all_of(parts.begin(), parts.end(), [&out](std::string_view part) {
    const auto number = parse_real(trim(part));
    if (number) out.push_back(*number);
    return number.has_value();
  });
}

}  // namespace

bool watched_area::contains(const geo::position& p) const noexcept {
  return std::visit([&p](const auto& s) { return geo::contains(s, p); }, shape);
}

std::vector<geo::box> watched_area::boxes() const {
  if (const auto* c = std::get_if<geo::circle>(&shape)) return geo::bounds(*c);
  const auto& b = std::get<geo::box>(shape);
  if (b.west <= b.east) return {b};
  return {{b.west, b.south, 180, b.north}, {-180, b.south, b.east, b.north}};
}

result<watched_area> parse_area(std::string_view text) {
  const auto parts = split(trim(text), '/');
  watched_area out{std::string(trim(text)), geo::circle{}};
  std::vector<double> n;
  if (parts.size() == 4) {
    if (!read_numbers(parts, n)) return wrong(text, "four numbers are needed");
    if (!geo::valid({n[0], n[1]}) || !geo::valid({n[2], n[3]})) return wrong(text, "a corner is not on the earth");
    if (n[1] > n[3]) return wrong(text, "south is north of north");
    out.shape = geo::box{n[0], n[1], n[2], n[3]};
    return out;
  }
  if (parts.size() == 3) {
    if (!read_numbers({parts[0], parts[1]}, n)) return wrong(text, "latitude and longitude are numbers");
    const auto radius = metres(trim(parts[2]));
    if (!geo::valid({n[1], n[0]})) return wrong(text, "the point is not on the earth");
    if (!radius) return wrong(text, radius.error().detail);
    out.shape = geo::circle{{n[1], n[0]}, *radius};
    return out;
  }
  if (parts.empty() || parts.size() > 2 || trim(parts[0]).empty()) return wrong(text, "not an area");
  const place* where = find_place(parts[0]);
  if (where == nullptr) return error{errc::invalid, unknown_place(trim(parts[0]))};
  double radius_m = where->radius_km * 1000;
  if (parts.size() == 2) {
    const auto radius = metres(trim(parts[1]));
    if (!radius) return wrong(text, radius.error().detail);
    radius_m = *radius;
  }
  out.shape = geo::circle{where->center, radius_m};
  return out;
}

}  // namespace distsys::roles::scraper
