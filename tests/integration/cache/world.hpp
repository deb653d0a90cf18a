// Random events and questions about them, few enough and close enough to meet each other.
#pragma once

#include "cache_fixture.hpp"

#include "distsys/runtime/random.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace distsys::tests {

inline constexpr domain::geo::position places[] = {
    {-70.66, -33.45}, {-70.60, -33.40}, {179.999, -17}, {-179.999, -17}, {10, 89.9}};

class world {
 public:
  explicit world(std::uint64_t seed) : random_(seed) {}

  domain::geo::position position() {
    const domain::geo::position& p = places[random_.below(std::size(places))];
    const double reach = random_.chance(0.5) ? 0.002 : 0.05;
    double lon = p.lon + random_.uniform(-reach, reach);
    if (lon >= 180) lon -= 360;
    if (lon < -180) lon += 360;
    return {lon, std::clamp(p.lat + random_.uniform(-reach, reach), -90.0, 90.0)};
  }

  std::vector<domain::geo::event> events() {
    std::vector<domain::geo::event> all;
    for (std::uint64_t n = 1 + random_.below(3); n > 0; --n) {
      auto e = event_at("e" + std::to_string(random_.below(200)), position(), random_.chance(0.5) ? "jam" : "hazard");
      if (std::any_of(all.begin(), all.end(), [&e](const auto& other) { return other.id == e.id; })) continue;
      e.severity = static_cast<int>(random_.below(11));
      if (random_.chance(0.2)) e.expires = runtime::now() + std::chrono::milliseconds(1 + random_.below(3000));
      all.push_back(std::move(e));
    }
    return all;
  }

  std::string query() {
    const domain::geo::position p = position();
    std::string q;
    const auto text = [](double v) { return std::to_string(v); };
    switch (random_.below(5)) {
      case 0:
        q = "bbox=" + text(p.lon) + ',' + text(std::max(-90.0, p.lat - 0.02)) + ',' +
            text(p.lon + 0.03 > 180 ? p.lon + 0.03 - 360 : p.lon + 0.03) + ',' + text(p.lat);
        break;
      case 1:
        q = "near=" + text(p.lat) + ',' + text(p.lon) + "&k=" + std::to_string(1 + random_.below(12));
        break;
      case 2:
        q = "limit=" + std::to_string(1 + random_.below(300));
        break;
      default:
        q = "lat=" + text(p.lat) + "&lon=" + text(p.lon) + "&radius=" + std::to_string(1 + random_.below(6000)) + 'm';
    }
    if (random_.chance(0.3)) q += random_.chance(0.5) ? "&kind=jam" : "&min_severity=5";
    if (random_.chance(0.15)) q += past();
    return q;
  }

  /// Of /events/count.
  std::string count_query() {
    const domain::geo::position p = position();
    const auto text = [](double v) { return std::to_string(v); };
    std::string q =
        "lat=" + text(p.lat) + "&lon=" + text(p.lon) + "&radius=" + std::to_string(1 + random_.below(6000)) + 'm';
    // Near a pole an area touches too many cells.
    if (p.lat < 80 && random_.chance(0.5)) {
      q += "&by=cell&level=" + std::to_string(10 + random_.below(5));
    } else if (random_.chance(0.3)) {
      q += past();
    }
    if (random_.chance(0.3)) q += "&kind=jam";
    return q;
  }

  runtime::random& random() { return random_; }

 private:
  /// Some seconds after the first observation, and so before or after the latest ones.
  std::string past() { return "&at=1970-01-01T00:16:4" + std::to_string(random_.below(10)) + 'Z'; }

  runtime::random random_;
};

}  // namespace distsys::tests
