#include "simulated_city.hpp"

#include "distsys/runtime/random.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <span>

namespace distsys::roles::scraper {
namespace {

using domain::geo::event;
using domain::geo::position;
using domain::geo::timestamp;

constexpr std::int64_t second_ms = 1000;
constexpr double vertex_spacing_m = 200;

struct variant {
  std::string_view subtype, text;
  int severity;
};

constexpr variant jams[] = {{"", "Slow traffic", 0}};
constexpr variant accidents[] = {{"accident_minor", "Minor accident", 4}, {"accident_major", "Major accident", 8}};
constexpr variant hazards[] = {{"hazard_on_road_object", "Object on the road", 5},
                               {"hazard_on_shoulder_car_stopped", "Car stopped on the shoulder", 2},
                               {"hazard_on_road_pot_hole", "Pothole", 3},
                               {"hazard_on_road_construction", "Roadworks", 4},
                               {"hazard_on_road_traffic_light_fault", "Traffic light out of order", 5},
                               {"hazard_weather_flood", "Flooded road", 7}};
constexpr variant police[] = {{"police_visible", "Police", 1}, {"police_with_mobile_camera", "Speed camera", 1}};
constexpr variant closures[] = {{"road_closed_event", "Road closed for an event", 7},
                                {"road_closed_construction", "Road closed for works", 7}};

struct sort {
  std::string_view kind;
  std::span<const variant> variants;
  double spots;  // at density 1
  std::int64_t period_min_s, period_max_s;
  double chance_calm, chance_rush;      // that something happens in a period
  double share_min, share_max;          // of the period that it lasts
  std::int64_t step_min_s, step_max_s;  // between two of its changes
};

constexpr std::array<sort, 5> sorts{{
    {"jam", jams, 48, 300, 600, 0.45, 0.95, 0.6, 0.95, 20, 40},
    {"accident", accidents, 14, 240, 480, 0.5, 0.8, 0.5, 0.9, 60, 90},
    {"hazard", hazards, 24, 90, 240, 0.7, 0.8, 0.5, 0.9, 60, 90},
    {"police", police, 12, 60, 150, 0.6, 0.7, 0.5, 0.9, 60, 90},
    {"road_closed", closures, 8, 900, 2400, 0.7, 0.7, 0.5, 0.9, 120, 300},
}};

std::uint64_t mix(std::uint64_t a, std::uint64_t b) {  // splitmix64's finaliser over a running sum
  std::uint64_t x = a + 0x9e3779b97f4a7c15u * (b + 1);
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

std::uint64_t hash(std::string_view text) {  // FNV-1a
  std::uint64_t h = 0xcbf29ce484222325u;
  for (const unsigned char c : text) h = (h ^ c) * 0x100000001b3u;
  return h;
}

std::int64_t floor_div(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); }

double between(runtime::random& r, std::int64_t low, std::int64_t high) {
  return r.uniform(static_cast<double>(low), static_cast<double>(high));
}

timestamp at_ms(std::int64_t ms) { return timestamp(std::chrono::milliseconds(ms)); }

// Kept to a tenth of a metre: the last bits of sin and cos differ between machines.
double rounded(double degrees) { return std::round(degrees * 1e6) / 1e6; }

}  // namespace

struct simulated_city::episode {
  std::int64_t cycle, start_ms, end_ms, step_ms, latest_end_ms;
  std::size_t variant;
  std::size_t head;      // vertex of the arterial
  std::size_t vertices;  // of a jam at its height
  double intensity;      // 0 … 1
};

simulated_city::simulated_city(const place& where, std::uint64_t seed, double density) : place_(where), seed_(seed) {
  lay_arterials();
  place_spots(density);
}

position simulated_city::offset(double east_m, double north_m) const {
  constexpr double metres_per_degree = domain::geo::earth_radius_m * std::numbers::pi / 180;
  double lon = place_.center.lon + east_m / (metres_per_degree * std::cos(place_.center.lat * std::numbers::pi / 180));
  if (lon > 180) lon -= 360;  // Suva lies near the antimeridian
  if (lon < -180) lon += 360;
  return {rounded(lon), rounded(place_.center.lat + north_m / metres_per_degree)};
}

void simulated_city::lay_arterials() {
  constexpr std::array<std::string_view, 8> compass{"East", "North-East", "North", "North-West",
                                                    "West", "South-West", "South", "South-East"};
  const double radius_m = place_.radius_km * 1000;
  for (std::size_t i = 0; i < compass.size(); ++i) {
    runtime::random r(mix(mix(seed_, hash(place_.name)), i));
    double heading = (static_cast<double>(i) / 4 + r.uniform(-0.06, 0.06)) * std::numbers::pi;
    const double outward = heading;
    double east = 500 * std::cos(heading), north = 500 * std::sin(heading);
    arterial a{std::string(compass[i]) + " Avenue", {}, false};
    while (std::hypot(east, north) < radius_m) {
      a.line.push_back(offset(east, north));
      heading += r.uniform(-0.12, 0.12) + 0.2 * (outward - heading);  // wanders, but outward
      east += vertex_spacing_m * std::cos(heading);
      north += vertex_spacing_m * std::sin(heading);
    }
    arterials_.push_back(std::move(a));
  }
  for (const auto& [name, share] : {std::pair{"Inner Ring", 0.3}, std::pair{"Outer Ring", 0.65}}) {
    runtime::random r(mix(mix(seed_, hash(place_.name)), hash(name)));
    const double ring_m = radius_m * share, wave = r.uniform(0.03, 0.08), turn = r.uniform(0, 6.28);
    const auto count = static_cast<std::size_t>(2 * std::numbers::pi * ring_m / vertex_spacing_m);
    arterial a{name, {}, true};
    for (std::size_t i = 0; i < count; ++i) {
      const double angle = 2 * std::numbers::pi * static_cast<double>(i) / static_cast<double>(count);
      const double here = ring_m * (1 + wave * std::sin(3 * angle + turn));
      a.line.push_back(offset(here * std::cos(angle), here * std::sin(angle)));
    }
    arterials_.push_back(std::move(a));
  }
}

void simulated_city::place_spots(double density) {
  for (std::size_t k = 0; k < sorts.size(); ++k) {
    const auto count = static_cast<std::uint64_t>(std::max(1.0, std::round(sorts[k].spots * density)));
    for (std::uint64_t n = 0; n < count; ++n) {
      runtime::random r(mix(mix(mix(seed_, hash(place_.name)), hash(sorts[k].kind)), n));
      spot s{};
      s.sort = k;
      s.number = n;
      s.period_ms = static_cast<std::int64_t>(between(r, sorts[k].period_min_s, sorts[k].period_max_s)) * second_ms;
      s.phase_ms = static_cast<std::int64_t>(r.below(static_cast<std::uint64_t>(s.period_ms)));
      s.arterial = r.below(arterials_.size());
      spots_.push_back(s);
    }
  }
}

double simulated_city::rush(timestamp t) const noexcept {
  const auto minutes = std::chrono::duration_cast<std::chrono::minutes>(t.time_since_epoch()).count();
  const double hour = static_cast<double>(((minutes + place_.utc_offset_minutes) % 1440 + 1440) % 1440) / 60;
  const auto peak = [hour](double at, double width) { return std::exp(-std::pow((hour - at) / width, 2)); };
  return std::min(1.0, 0.1 + 0.9 * peak(8, 1.5) + 0.5 * peak(13.5, 2) + 0.9 * peak(18.5, 1.8));
}

bool simulated_city::happens(const spot& s, std::int64_t cycle, episode& out) const {
  const sort& k = sorts[s.sort];
  const auto period = static_cast<double>(s.period_ms);
  const std::int64_t begin = cycle * s.period_ms + s.phase_ms;
  runtime::random r(
      mix(mix(mix(mix(seed_, hash(place_.name)), hash(k.kind)), s.number), static_cast<std::uint64_t>(cycle)));
  const double busy = rush(at_ms(begin));
  if (!r.chance(k.chance_calm + (k.chance_rush - k.chance_calm) * busy)) return false;
  const double share = r.uniform(k.share_min, k.share_max);
  out.cycle = cycle;
  out.start_ms = begin + static_cast<std::int64_t>(period * r.uniform(0, 1 - share));
  out.end_ms = out.start_ms + static_cast<std::int64_t>(period * share);
  out.latest_end_ms = begin + s.period_ms;
  out.step_ms = static_cast<std::int64_t>(between(r, k.step_min_s, k.step_max_s)) * second_ms;
  out.variant = r.below(k.variants.size());
  out.head = r.below(arterials_[s.arterial].line.size());
  out.vertices = 3 + r.below(12);
  out.intensity = std::clamp(0.35 + 0.5 * busy + r.uniform(-0.25, 0.25), 0.1, 1.0);
  return true;
}

void simulated_city::describe_jam(event& e, const spot& s, const episode& what, std::int64_t now_ms) const {
  const auto& road = arterials_[s.arterial];
  const double progress =
      static_cast<double>(now_ms - what.start_ms) / static_cast<double>(what.end_ms - what.start_ms);
  const double height = std::pow(std::sin(std::numbers::pi * std::clamp(progress, 0.02, 0.98)), 0.7);
  const auto vertices = 2 + static_cast<std::size_t>(std::lround(height * static_cast<double>(what.vertices - 2)));
  // The head stays where it is; the queue grows and clears behind it.
  for (std::size_t i = 0; i < vertices; ++i) {
    if (road.closed) {
      e.line.push_back(road.line[(what.head + i) % road.line.size()]);
    } else {
      e.line.push_back(road.line[std::min(what.head, road.line.size() - what.vertices) + i]);
    }
  }
  e.at = e.line.front();
  double length_m = 0;
  for (std::size_t i = 1; i < e.line.size(); ++i) length_m += domain::geo::distance_m(e.line[i - 1], e.line[i]);
  const int level = std::clamp(static_cast<int>(std::lround(1 + 4 * height * what.intensity)), 1, 5);
  const double speed_kmh = std::round(45 * (1 - height * what.intensity) + 3);
  e.severity = 2 * level;
  e.properties["level"] = level;
  e.properties["speedKMH"] = speed_kmh;
  e.properties["length"] = std::round(length_m);
  e.properties["delay"] = std::round(length_m * 3.6 * (1 / speed_kmh - 1 / 50.0));
}

event simulated_city::describe(const spot& s, const episode& what, std::int64_t now_ms) const {
  const sort& k = sorts[s.sort];
  const variant& v = k.variants[what.variant];
  const auto& road = arterials_[s.arterial];
  const std::int64_t steps = (now_ms - what.start_ms) / what.step_ms;
  const std::int64_t changed_ms = what.start_ms + steps * what.step_ms;
  event e;
  e.source = "sim";
  e.id = std::string(place_.name) + "-" + std::to_string(seed_) + "-" + std::string(k.kind) + "-" +
         std::to_string(s.number) + "-" + std::to_string(what.cycle);
  e.kind = k.kind;
  e.subtype = v.subtype;
  e.severity = v.severity;
  e.text = v.text;
  e.place = road.name + ", " + std::string(place_.label);
  e.started = at_ms(what.start_ms);
  e.updated = at_ms(changed_ms);
  // Should nobody be there to say that it is over: it cannot last longer.
  e.expires = at_ms(what.latest_end_ms);
  if (k.kind == "jam") {
    describe_jam(e, s, what, changed_ms);
  } else {
    e.at = road.line[what.head];
    e.properties["nThumbsUp"] = steps;
  }
  return e;
}

simulated_city::scene simulated_city::at(timestamp t) const {
  constexpr std::int64_t cycles_back = 3;
  const std::int64_t now_ms = t.time_since_epoch().count();
  scene out;
  for (const spot& s : spots_) {
    const std::int64_t cycle = floor_div(now_ms - s.phase_ms, s.period_ms);
    for (std::int64_t c = cycle; c > cycle - cycles_back; --c) {
      episode what{};
      if (!happens(s, c, what) || now_ms < what.start_ms) continue;
      if (now_ms < what.end_ms) {
        out.active.push_back(describe(s, what, now_ms));
        continue;
      }
      out.ended.push_back(describe(s, what, what.end_ms));
      break;
    }
  }
  return out;
}

}  // namespace distsys::roles::scraper
