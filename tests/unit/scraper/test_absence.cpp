#include "roles/scraper/absence.hpp"

#include "tests/support/catch.hpp"

#include <map>
#include <set>

using namespace distsys::roles::scraper;
using namespace std::chrono_literals;
namespace geo = distsys::domain::geo;

namespace {

const geo::timestamp noon = geo::timestamp(std::chrono::sys_days(std::chrono::year{2025} / 4 / 9)) + 12h;
constexpr unsigned after = 3;

presence there(std::string id, std::vector<std::string> aliases = {}, geo::position at = {-70, -33}) {
  return {"waze", std::move(id), std::move(aliases), at, noon};
}

/// The sightings of one tile, as the database would keep them.
struct memory {
  std::map<std::string, geo::sighting> known;

  std::vector<geo::sighting> all() const {
    std::vector<geo::sighting> out;
    for (const auto& [id, s] : known) out.push_back(s);
    return out;
  }
  /// Ids that are absent now.
  std::set<std::string> apply(const absence_plan& plan) {
    for (const auto& s : plan.changes.put) known[s.id] = s;
    for (const auto& s : plan.changes.drop) known.erase(s.id);
    std::set<std::string> out;
    for (const auto& s : plan.missing) out.insert(s.id);
    return out;
  }
  std::set<std::string> see(const std::vector<presence>& present, bool complete = true, geo::timestamp t = noon) {
    return apply(plan_absences(all(), present, {}, {t, complete, {}}, after));
  }
};

using ids = std::set<std::string>;

}  // namespace

TEST_CASE("absence once is not deletion; three complete polls without it are") {
  memory m;
  CHECK(m.see({there("a"), there("b")}).empty());
  CHECK(m.see({there("a")}).empty());
  CHECK(m.see({there("a")}, true, noon + 1min).empty());
  CHECK(m.known.at("b").missed == 2);
  CHECK(m.known.at("b").missing_since == noon);
  CHECK(m.see({there("a")}) == ids{"b"});
  CHECK(m.see({there("a")}) == ids{"b"});  // until another tile agrees
  CHECK(m.known.at("b").missed == 3);
  CHECK(m.see({there("a"), there("b")}).empty());
  CHECK(m.known.at("b").missed == 0);
  CHECK_FALSE(m.known.at("b").missing_since);
}

TEST_CASE("a capped answer says nothing of what it does not hold") {
  memory m;
  m.see({there("a"), there("b")});
  for (int i = 0; i < 5; ++i) CHECK(m.see({there("c")}, false).empty());
  CHECK(m.known.size() == 3);
  CHECK(m.known.at("a").missed == 0);
}

TEST_CASE("an unchanged answer misses again what was missing") {
  memory m;
  m.see({there("a"), there("b")});
  m.see({there("a")});
  const auto again = [&m] { return m.apply(plan_unchanged(m.all(), {noon, true, {}}, after)); };
  CHECK(again().empty());
  CHECK(again() == ids{"b"});
  CHECK(m.known.at("a").missed == 0);
  CHECK(plan_unchanged(m.all(), {noon, false, {}}, after).missing.empty());
}

TEST_CASE("nothing is written of what is seen again where it was") {
  memory m;
  m.see({there("a"), there("b")});
  CHECK(plan_absences(m.all(), {there("a"), there("b")}, {}, {noon, true, {}}, after).changes.empty());
  CHECK(plan_absences(m.all(), {there("a", {}, {-71, -33}), there("b")}, {}, {noon, true, {}}, after)
            .changes.put.size() == 1);
}

TEST_CASE("a renamed event, an ended one and one beyond the question's window are not missing") {
  memory m;
  m.see({there("old"), there("over"), there("early")});
  m.known.at("early").started = noon - 25h;
  const auto plan = plan_absences(m.all(), {there("new", {"old"})}, {{"waze", "over"}}, {noon, true, noon - 24h}, 1);
  CHECK(plan.missing.empty());
  CHECK(plan.changes.drop.size() == 3);
  CHECK(plan.changes.put.size() == 1);
}
