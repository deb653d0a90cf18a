#include "absence.hpp"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

namespace distsys::roles::scraper {
namespace {

namespace geo = domain::geo;
using name = std::pair<std::string_view, std::string_view>;

void miss(const geo::sighting& known, const answer_reach& reach, unsigned after, absence_plan& plan) {
  if (reach.since && known.started && *known.started < *reach.since) {
    plan.changes.drop.push_back(known);  // the question moved on: nothing can be said of it any more
    return;
  }
  geo::sighting s = known;
  // Beyond `after` nothing new is learnt; until another tile agrees it stays as it is.
  if (s.missed < after) {
    ++s.missed;
    if (!s.missing_since) s.missing_since = reach.observed;
    plan.changes.put.push_back(s);
  }
  if (s.missed >= after) plan.missing.push_back(std::move(s));
}

}  // namespace

std::vector<presence> presences_of(const std::vector<geo::event>& events) {
  std::vector<presence> out;
  out.reserve(events.size());
  for (const auto& e : events) out.push_back({e.source, e.id, e.aliases, e.at, e.started});
  return out;
}

bool answers_by_area(const std::vector<presence>& events, const geo::box& asked, std::size_t refused) {
  const auto inside =
      std::count_if(events.begin(), events.end(), [&asked](const presence& p) { return geo::contains(asked, p.at); });
  return inside > 0 && static_cast<std::size_t>(inside) * 2 >= events.size() + refused;
}

absence_plan plan_absences(const std::vector<geo::sighting>& known, const std::vector<presence>& present,
                           const std::vector<std::pair<std::string, std::string>>& ended, const answer_reach& reach,
                           unsigned after) {
  std::map<name, const presence*> here;
  std::set<name> other_names;
  for (const auto& p : present) {
    here.emplace(name(p.source, p.id), &p);
    for (const auto& a : p.aliases) other_names.emplace(p.source, a);
  }
  const std::set<name> over(ended.begin(), ended.end()), placeless(reach.placeless.begin(), reach.placeless.end());
  absence_plan plan;
  for (const auto& s : known) {
    const name who(s.source, s.id);
    const auto hit = here.find(who);
    if (hit != here.end()) {
      const presence& p = *hit->second;
      if (s.missed > 0 || s.at != p.at) plan.changes.put.push_back({s.source, s.id, p.at, p.started, 0, {}});
      here.erase(hit);
    } else if (over.contains(who) || other_names.contains(who)) {
      plan.changes.drop.push_back(s);
    } else if (placeless.contains(who)) {
      if (s.missed > 0) plan.changes.put.push_back({s.source, s.id, s.at, s.started, 0, {}});
    } else if (reach.complete) {
      miss(s, reach, after, plan);
    }
  }
  for (const auto& [who, p] : here) plan.changes.put.push_back({p->source, p->id, p->at, p->started, 0, {}});
  return plan;
}

absence_plan plan_unchanged(const std::vector<geo::sighting>& known, const answer_reach& reach, unsigned after) {
  absence_plan plan;
  if (!reach.complete) return plan;
  for (const auto& s : known)
    if (s.missed > 0) miss(s, reach, after, plan);
  return plan;
}

}  // namespace distsys::roles::scraper
