// Ids that prove to be one event's, in any order of arrival; and what store_each says of each event.
#include "geo_database.hpp"

#include "distsys/domain/geo/codecs.hpp"
#include "tests/unit/domain/shared_data.hpp"

#include <algorithm>
#include <map>
#include <numeric>
#include <set>

using namespace distsys;
using namespace distsys::domain::geo;
using distsys::tests::geo_database;
using distsys::tests::second;
using distsys::tests::seen_at;
using distsys::tests::with_geo_database;

namespace {

const ports::call_context context;

event named(std::string source, std::string id, std::vector<std::string> aliases, int s) {
  event e;
  e.source = std::move(source);
  e.id = std::move(id);
  e.aliases = std::move(aliases);
  e.kind = "earthquake";
  e.at = {s / 10.0, 1};
  e.text = "as said at " + std::to_string(s);
  return e;
}

awaitable<std::set<std::string>> active(event_repository& events, std::string source) {
  const auto page = (co_await events.find(context, {.sources = {source}, .limit = 10'000})).value();
  co_return std::set<std::string>(page.features.begin(), page.features.end());
}

awaitable<void> two_rows_become_one(geo_database& g) {
  auto& r = g.events;
  co_await r.store(context, seen_at(1, {named("net", "nc1", {}, 1)}));
  co_await r.store(context, seen_at(2, {named("net", "us2", {"pt9"}, 2)}));
  CHECK((co_await active(r, "net")).size() == 2);
  const auto last = (co_await r.last_sequence(context)).value();
  const auto both = named("net", "us2", {"pt9", "nc1"}, 3);
  CHECK((co_await r.store_each(context, seen_at(3, {both}))).value() == std::vector{verdict::changed});
  CHECK(co_await active(r, "net") == std::set{to_feature(both)});

  // The older one ended under its own name, where it was.
  const auto changes = (co_await r.changes_after(context, last, 10)).value();
  REQUIRE(changes.size() == 2);
  const auto& gone = changes[0].kind == change_kind::ended ? changes[0] : changes[1];
  CHECK(gone.kind == change_kind::ended);
  CHECK(gone.id == "nc1");
  CHECK(gone.at == named("net", "nc1", {}, 1).at);
  CHECK(gone.feature == to_feature(named("net", "nc1", {}, 1)));
  for (const auto* id : {"nc1", "us2", "pt9"}) {
    const auto found = (co_await r.find_one(context, "net", id)).value();
    CHECK(found.feature == to_feature(both));
    CHECK_FALSE(found.ended);
  }
  // The old id comes back: the same event, under that name.
  const auto again = named("net", "nc1", {}, 4);
  CHECK((co_await r.store_each(context, seen_at(4, {again}))).value() == std::vector{verdict::changed});
  CHECK(co_await active(r, "net") == std::set{to_feature(again)});
  const auto third = named("net", "us2", {}, 5);
  CHECK((co_await r.store_each(context, seen_at(5, {third}))).value() == std::vector{verdict::changed});
  CHECK(co_await active(r, "net") == std::set{to_feature(third)});
  // To end what became part of another ends nothing: its source only says that the name is gone.
  CHECK((co_await r.end(context, "net", {"nc1"}, second(6)))->ended == 0);
  CHECK((co_await active(r, "net")).size() == 1);
}

/// One event for each set of ids that the observations link, as its newest observation says.
std::set<std::string> expected(const std::vector<event>& said) {
  std::map<std::string, std::string> leader;
  const auto find = [&](std::string id) {
    while (leader.contains(id) && leader[id] != id) id = leader[id];
    return id;
  };
  for (const auto& e : said) {
    leader.emplace(e.id, e.id);
    for (const auto& a : e.aliases) {
      leader.emplace(a, a);
      leader[find(a)] = find(e.id);
    }
  }
  std::map<std::string, const event*> newest;
  for (const auto& e : said) newest[find(e.id)] = &e;  // `said` ascends in time
  std::set<std::string> features;
  for (const auto& [id, e] : newest) features.insert(to_feature(*e));
  return features;
}

awaitable<void> order_never_matters(geo_database& g) {
  runtime::random dice(53);
  std::size_t merged = 0;
  for (int round = 0; round < 200; ++round) {
    const std::string source = "s" + std::to_string(round);
    std::vector<event> said;
    const std::size_t observations = 2 + dice.below(7), ids = 2 + dice.below(5);
    for (std::size_t i = 0; i < observations; ++i) {
      std::vector<std::string> aliases;
      const auto id = dice.below(ids);
      for (std::size_t a = 0; a < ids; ++a)
        if (a != id && dice.chance(0.25)) aliases.push_back("id" + std::to_string(a));
      said.push_back(named(source, "id" + std::to_string(id), aliases, static_cast<int>(i)));
    }
    const auto wanted = expected(said);
    std::set<std::string> own;
    for (const auto& e : said) own.insert(e.id);
    merged += wanted.size() < own.size() ? 1 : 0;
    std::vector<std::size_t> order(said.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    for (int shuffle = 0; shuffle < 4; ++shuffle) {
      const std::string as = source + "-" + std::to_string(shuffle);
      std::set<std::string> wanted_here;
      for (const auto& f : wanted) {
        std::string text = f;
        for (std::size_t at = 0; (at = text.find(source + "/", at)) != std::string::npos; at += as.size())
          text.replace(at, source.size(), as);
        const auto at = text.find("\"source\":\"" + source + "\"");
        text.replace(at + 10, source.size(), as);
        wanted_here.insert(text);
      }
      for (const auto i : order) {
        auto e = said[i];
        e.source = as;
        const auto done = co_await g.events.store(context, seen_at(static_cast<int>(i), {e}));
        REQUIRE(done);
      }
      INFO("round " << round << " shuffle " << shuffle);
      REQUIRE(co_await active(g.events, as) == wanted_here);
      for (std::size_t i = order.size() - 1; i > 0; --i) std::swap(order[i], order[dice.below(i + 1)]);
    }
  }
  CHECK(merged > 60);
}

awaitable<void> each_has_a_verdict(geo_database& g) {
  auto& r = g.events;
  using enum verdict;
  auto first = named("net", "a", {}, 1), second_event = named("net", "b", {}, 1);
  CHECK((co_await r.store_each(context, seen_at(10, {first, second_event}))).value() == std::vector{added, added});
  auto changed_event = named("net", "b", {}, 2);
  auto third = named("net", "c", {}, 2);
  CHECK((co_await r.store_each(context, seen_at(20, {third, first, changed_event, third}))).value() ==
        std::vector{added, unchanged, changed, added});
  CHECK((co_await r.store_each(context, seen_at(15, {named("net", "b", {}, 3)}))).value() == std::vector{older});
  co_await r.end(context, "net", {"a"}, second(30));
  CHECK((co_await r.store_each(context, seen_at(40, {first}))).value() == std::vector{added});
  CHECK((co_await r.store_each(context, seen_at(40, {})))->empty());
  CHECK(name(older) == "older");
  // More than one transaction holds: still in order.
  std::vector<event> many;
  for (int i = 0; i < 10'000; ++i) many.push_back(named("net", "m" + std::to_string(i), {}, i % 7));
  const auto all = (co_await r.store_each(context, seen_at(50, many))).value();
  CHECK(all == std::vector(many.size(), added));
  for (std::size_t i = 0; i < many.size(); i += 3) many[i].text = "other";
  const auto again = (co_await r.store_each(context, seen_at(60, many))).value();
  for (std::size_t i = 0; i < many.size(); ++i) REQUIRE(again[i] == (i % 3 == 0 ? changed : unchanged));
}

awaitable<void> real_quakes(geo_database& g) {
  const auto text = tests::shared_data("usgs/usgs_2.5_month_2019-07-19_csaba.geojson");
  if (!text) co_return;
  const auto seen = decode(*text, {}).value();
  (co_await g.events.store(context, seen)).value();
  const auto count = (co_await active(g.events, "usgs")).size();
  // Each quake that has another id is seen once more under it, without its aliases: a network that was not asked
  // before. It is the same quake, whether it comes before the whole answer or after it.
  observation other;
  other.observed = seen.observed + std::chrono::seconds(1);
  std::set<std::string> used;
  for (const auto& e : seen.events) used.insert(e.id);
  for (const auto& e : seen.events) {
    if (e.aliases.empty() || !used.insert(e.aliases.front()).second) continue;
    auto renamed = e;
    renamed.id = e.aliases.front();
    renamed.aliases.clear();
    other.events.push_back(std::move(renamed));
  }
  CHECK(other.events.size() > 100);
  const auto after = (co_await g.events.store(context, other)).value();
  CHECK(after.added == 0);
  CHECK(after.changed == other.events.size());
  CHECK((co_await active(g.events, "usgs")).size() == count);
}

awaitable<void> real_quakes_the_other_way(geo_database& g) {
  const auto text = tests::shared_data("usgs/usgs_2.5_month_2019-07-19_csaba.geojson");
  if (!text) co_return;
  auto seen = decode(*text, {}).value();
  observation other;
  other.observed = seen.observed - std::chrono::seconds(1);
  std::set<std::string> used;
  for (const auto& e : seen.events) used.insert(e.id);
  for (const auto& e : seen.events) {
    if (e.aliases.empty() || !used.insert(e.aliases.front()).second) continue;
    auto renamed = e;
    renamed.id = e.aliases.front();
    renamed.aliases.clear();
    other.events.push_back(std::move(renamed));
  }
  CHECK((co_await g.events.store(context, other))->added == other.events.size());
  // Half of them were stored under both names before the answer that links them.
  observation half;
  half.observed = other.observed;
  for (std::size_t i = 0; i < seen.events.size(); i += 2) {
    half.events.push_back(seen.events[i]);
    half.events.back().aliases.clear();
  }
  CHECK((co_await g.events.store(context, half))->added == half.events.size());
  (co_await g.events.store(context, seen)).value();
  std::set<std::string> wanted;
  for (const auto& e : seen.events) wanted.insert(to_feature(e));
  CHECK(co_await active(g.events, "usgs") == wanted);
}

}  // namespace

TEST_CASE("two stored events that prove to be one become one") { with_geo_database(two_rows_become_one); }
TEST_CASE("whatever the order of arrival, linked ids are one event, as last seen") {
  with_geo_database(order_never_matters);
}
TEST_CASE("store_each says what became of each event, in order") { with_geo_database(each_has_a_verdict); }
TEST_CASE("real quakes under other ids stay one each", "[data]") { with_geo_database(real_quakes); }
TEST_CASE("real quakes stored under two ids become one each", "[data]") {
  with_geo_database(real_quakes_the_other_way);
}
