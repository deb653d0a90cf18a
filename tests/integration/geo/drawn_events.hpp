// Random events and queries for tests that compare the repository with a plain search.
#pragma once

#include "geo_database.hpp"

#include "distsys/domain/geo/event_repository.hpp"
#include "distsys/runtime/random.hpp"

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

namespace distsys::tests {

namespace geo = domain::geo;

/// Everywhere, and in crowds where things go wrong: the poles, the antimeridian, the corners of cells.
inline geo::position anywhere(runtime::random& dice) {
  switch (dice.below(8)) {
    case 0:
      return {dice.uniform(-180, 180), 90 - dice.exponential(0.5)};
    case 1:
      return {dice.uniform(-180, 180), std::max(-90.0, -90 + dice.exponential(0.5))};
    case 2:
      return {dice.chance(0.5) ? 180 - dice.exponential(0.5) : -180 + dice.exponential(0.5), dice.uniform(-90, 90)};
    case 3:
      return {dice.chance(0.5) ? 180.0 : -180.0, dice.uniform(-90, 90)};
    case 4:
      return {dice.normal(0, 0.1), dice.normal(0, 0.1)};
    case 5:
      return {-70.66 + dice.normal(0, 0.05), -33.45 + dice.normal(0, 0.05)};
    case 6:
      return {dice.uniform(-180, 180), dice.chance(0.5) ? 90.0 : -90.0};
    default:
      return {dice.uniform(-180, 180), dice.uniform(-90, 90)};
  }
}

inline geo::event drawn(runtime::random& dice, int i) {
  static constexpr const char* kinds[] = {"jam", "hazard", "police"};
  static constexpr const char* sources[] = {"waze", "sim"};
  geo::event e;
  e.source = sources[dice.below(2)];
  e.id = "e" + std::to_string(i);
  e.kind = kinds[dice.below(3)];
  e.severity = static_cast<int>(dice.below(11));
  e.at = anywhere(dice);
  if (dice.chance(0.5)) e.updated = start + std::chrono::seconds(dice.below(1000));
  if (dice.chance(0.3)) e.expires = start + std::chrono::seconds(dice.below(2000));
  return e;
}

inline geo::event_query drawn_query(runtime::random& dice) {
  geo::event_query q;
  switch (dice.below(5)) {
    case 4: {
      geo::polygon star;
      const geo::position a = anywhere(dice);
      const std::size_t corners = 3 + dice.below(8);
      const double reach = std::exp(dice.uniform(-3, 4));
      for (std::size_t i = 0; i < corners; ++i) {
        const double angle = 6.2831853 * static_cast<double>(i) / static_cast<double>(corners);
        const double r = dice.uniform(0.2, 1) * reach, lon = a.lon + r * std::cos(angle);
        star.ring.push_back({lon > 180    ? lon - 360
                             : lon < -180 ? lon + 360
                                          : lon,
                             std::clamp(a.lat + r * std::sin(angle), -90.0, 90.0)});
      }
      if (valid(star)) q.where = star;
      break;
    }
    case 0:
      q.where = geo::circle{anywhere(dice), std::exp(dice.uniform(0, std::log(2.1e7)))};
      break;
    case 1:
      q.where = geo::nearest{anywhere(dice), static_cast<unsigned>(1 + dice.below(dice.chance(0.1) ? 3000 : 30))};
      break;
    case 2: {
      const geo::position a = anywhere(dice), b = anywhere(dice);
      q.where = geo::box{a.lon, std::min(a.lat, b.lat), b.lon, std::max(a.lat, b.lat)};
      break;
    }
    default: {
      const geo::position a = anywhere(dice);
      const double w = dice.exponential(2), h = dice.exponential(2);
      const auto wrapped = [](double lon) { return lon > 180 ? lon - 360 : lon; };
      q.where = geo::box{a.lon, std::max(-90.0, a.lat - h), wrapped(a.lon + w), std::min(90.0, a.lat + h)};
    }
  }
  if (dice.chance(0.2)) q.kinds = {"jam"};
  if (dice.chance(0.2)) q.kinds = {"hazard", "police"};
  if (dice.chance(0.2)) q.sources = {"sim"};
  if (dice.chance(0.2)) q.since = start + std::chrono::seconds(dice.below(1000));
  if (dice.chance(0.2)) q.min_severity = static_cast<int>(dice.below(11));
  q.limit = dice.chance(0.5) ? 1 + dice.below(40) : 1 + dice.below(5000);
  return q;
}

/// Does an event pass the query's filters (not its area), where it was first seen at `start`?
inline bool wanted(const geo::event& e, const geo::event_query& q, geo::timestamp now) {
  const auto in = [](const auto& list, const std::string& word) {
    return list.empty() || std::find(list.begin(), list.end(), word) != list.end();
  };
  if (e.expires && *e.expires <= now) return false;
  if (!in(q.kinds, e.kind) || !in(q.sources, e.source)) return false;
  if (q.since && e.updated.value_or(start) < *q.since) return false;
  return !q.min_severity || e.severity >= *q.min_severity;
}

}  // namespace distsys::tests
