// What must hold of every document that decodes, whatever it was.
#pragma once

#include "distsys/domain/geo/cell.hpp"
#include "distsys/domain/geo/codecs.hpp"

#include <cstdlib>
#include <set>
#include <string>

namespace distsys::fuzz {

inline void require(bool condition) {
  if (!condition) std::abort();
}

/// What must hold of every observation, whichever codec made it.
inline void check_observation(const domain::geo::observation& seen) {
  using namespace domain::geo;
  static const std::set<std::string> reasons{"no_position", "out_of_range", "wrong_type",
                                             "no_id",       "bad_time",     "too_large"};
  for (const auto& r : seen.refused) {
    require(reasons.contains(r.reason));
    require(json::parse(r.document).has_value());
    require(r.document.find("\"reportBy\":") == std::string::npos);
  }
  std::set<std::string> ids;
  std::string features;
  for (const auto& e : seen.events) {
    require(!e.source.empty() && !e.id.empty() && !e.kind.empty());
    require(valid(e.at) && e.severity >= 0 && e.severity <= 10);
    require(cell_of(e.at) >= 0);
    require(ids.insert(e.source + "/" + e.id).second);
    const auto feature = to_feature(e);
    require(feature.find("\"reportBy\":") == std::string::npos && feature.find("\"userName\":") == std::string::npos);
    if (!features.empty()) features += ',';
    features += feature;
  }
  // What this system writes it reads, and writes again as the same bytes.
  const auto again = decode(R"({"type":"FeatureCollection","features":[)" + features + "]}",
                            {.observed = timestamp{}, .trusted_own = true});
  require(again.has_value() && again->refused.empty() && again->events.size() == seen.events.size());
  for (std::size_t i = 0; i < seen.events.size(); ++i)
    require(to_feature(again->events[i]) == to_feature(seen.events[i]));
}

inline void check_document(std::string_view text) {
  using namespace domain::geo;
  const auto parsed = json::parse(text, 1u << 20);
  if (!parsed) {
    require(parsed.error().code == errc::invalid || parsed.error().code == errc::too_large);
    return;
  }
  const auto seen = decode(*parsed, {.observed = timestamp{}});
  if (seen)
    check_observation(*seen);
  else
    require(seen.error().code == errc::invalid);
}

}  // namespace distsys::fuzz
