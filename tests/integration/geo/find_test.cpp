// Finding events by area against a brute-force oracle.
#include "geo_database.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

using namespace distsys;
using namespace distsys::domain::geo;
using distsys::tests::geo_database;
using distsys::tests::with_geo_database;

namespace {

const ports::call_context context;
const timestamp start{std::chrono::seconds(1'700'000'000)};

/// Everywhere, and in crowds where things go wrong: the poles, the antimeridian, the corners of cells.
position anywhere(runtime::random& dice) {
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

event drawn(runtime::random& dice, int i) {
  static constexpr const char* kinds[] = {"jam", "hazard", "police"};
  static constexpr const char* sources[] = {"waze", "sim"};
  event e;
  e.source = sources[dice.below(2)];
  e.id = "e" + std::to_string(i);
  e.kind = kinds[dice.below(3)];
  e.severity = static_cast<int>(dice.below(11));
  e.at = anywhere(dice);
  if (dice.chance(0.5)) e.updated = start + std::chrono::seconds(dice.below(1000));
  if (dice.chance(0.3)) e.expires = start + std::chrono::seconds(dice.below(2000));
  return e;
}

event_query drawn_query(runtime::random& dice) {
  event_query q;
  switch (dice.below(4)) {
    case 0:
      q.where = circle{anywhere(dice), std::exp(dice.uniform(0, std::log(2.1e7)))};
      break;
    case 1:
      q.where = nearest{anywhere(dice), static_cast<unsigned>(1 + dice.below(dice.chance(0.1) ? 3000 : 30))};
      break;
    case 2: {
      const position a = anywhere(dice), b = anywhere(dice);
      q.where = box{a.lon, std::min(a.lat, b.lat), b.lon, std::max(a.lat, b.lat)};
      break;
    }
    default: {
      const position a = anywhere(dice);
      const double w = dice.exponential(2), h = dice.exponential(2);
      const auto wrapped = [](double lon) { return lon > 180 ? lon - 360 : lon; };
      q.where = box{a.lon, std::max(-90.0, a.lat - h), wrapped(a.lon + w), std::min(90.0, a.lat + h)};
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

/// What the query must find, computed the plain way. For nearest: by distance.
std::vector<const event*> expected(const std::vector<event>& events, const event_query& q, timestamp now) {
  std::vector<const event*> hits;
  const auto in = [](const auto& list, const std::string& word) {
    return list.empty() || std::find(list.begin(), list.end(), word) != list.end();
  };
  for (const auto& e : events) {
    if (e.expires && *e.expires <= now) continue;
    if (!in(q.kinds, e.kind) || !in(q.sources, e.source)) continue;
    if (q.since && e.updated.value_or(start) < *q.since) continue;
    if (q.min_severity && e.severity < *q.min_severity) continue;
    if (const auto* c = std::get_if<circle>(&q.where); c != nullptr && distance_m(c->center, e.at) > c->radius_m)
      continue;
    if (const auto* b = std::get_if<box>(&q.where); b != nullptr && !contains(*b, e.at)) continue;
    hits.push_back(&e);
  }
  if (const auto* n = std::get_if<nearest>(&q.where)) {
    std::sort(hits.begin(), hits.end(), [&](const event* a, const event* b) {
      return distance_m(n->center, a->at) < distance_m(n->center, b->at);
    });
    hits.resize(std::min<std::size_t>(hits.size(), n->k));
  }
  return hits;
}

/// Every page of a query. The first says how many match; no feature may come twice.
awaitable<std::vector<std::string>> every_page(event_repository& events, event_query q, std::size_t expected_matches) {
  std::vector<std::string> found;
  for (;;) {
    const auto page = (co_await events.find(context, q)).value();
    REQUIRE(page.matched == expected_matches);
    REQUIRE(page.features.size() <= q.limit);
    found.insert(found.end(), page.features.begin(), page.features.end());
    if (page.next_cursor.empty()) co_return found;
    REQUIRE(page.features.size() == q.limit);
    q.cursor = page.next_cursor;
  }
}

awaitable<void> equals_the_oracle(geo_database& g) {
  runtime::manual_clock clock(start + std::chrono::seconds(500));
  runtime::random dice(20250414);
  std::vector<event> all;
  for (int i = 0; i < 2000; ++i) all.push_back(drawn(dice, i));
  std::map<std::string, const event*> by_feature;
  for (const auto& e : all) by_feature[to_feature(e)] = &e;
  observation o;
  o.observed = start;
  o.events = all;
  CHECK((co_await g.events.store(context, o))->added == all.size());
  // Some have ended: no query may find them.
  std::vector<std::string> gone;
  for (int i = 0; i < 300; ++i) {
    if (all.back().source == "sim")
      gone.push_back(all.back().id);
    else
      co_await g.events.end(context, "waze", {all.back().id}, start);
    all.pop_back();
  }
  co_await g.events.end(context, "sim", gone, start);

  int full = 0;
  for (int i = 0; i < 2000; ++i) {
    event_query q = drawn_query(dice);
    const auto hits = expected(all, q, runtime::now());
    q.limit = std::max(q.limit, hits.size() / 6);  // a few pages each
    const auto found = co_await every_page(g.events, q, hits.size());
    full += hits.empty() ? 0 : 1;
    INFO("query " << i);
    REQUIRE(found.size() == hits.size());
    if (const auto* n = std::get_if<nearest>(&q.where)) {
      // Equal distances may come in any order: compare the distances.
      for (std::size_t k = 0; k < hits.size(); ++k)
        REQUIRE(distance_m(n->center, by_feature.at(found[k])->at) == distance_m(n->center, hits[k]->at));
      REQUIRE(std::set<std::string>(found.begin(), found.end()).size() == found.size());
      continue;
    }
    std::set<std::string> wanted;
    for (const auto* e : hits) wanted.insert(to_feature(*e));
    REQUIRE(std::set<std::string>(found.begin(), found.end()) == wanted);
  }
  CHECK(full > 1000);
}

awaitable<void> a_crowd_on_one_spot(geo_database& g) {
  observation o;
  o.observed = start;
  for (int i = 0; i < 25'000; ++i) {
    event e;
    e.source = "sim";
    e.id = std::to_string(i);
    e.kind = "jam";
    e.at = i < 24'000 ? position{10, 10} : position{10 + i * 1e-6, 10};
    o.events.push_back(std::move(e));
  }
  CHECK((co_await g.events.store(context, o))->added == 25'000);
  const auto near = (co_await g.events.find(context, {.where = nearest{{10, 10}, 5}})).value();
  CHECK(near.features.size() == 5);
  for (const auto& f : near.features) CHECK(f.find("[10,10]") != std::string::npos);
  const auto far = (co_await g.events.find(context, {.where = nearest{{10.1, 10}, 3}})).value();
  REQUIRE(far.features.size() == 3);
  CHECK(far.features[0].find("\"id\":\"24999\"") != std::string::npos);
  const auto round = co_await every_page(g.events, {.where = circle{{10, 10}, 1}, .limit = 7'000}, 24'000);
  CHECK(std::set<std::string>(round.begin(), round.end()).size() == 24'000);
}

awaitable<void> what_is_wrong_is_said(geo_database& g) {
  observation o;
  o.observed = start;
  for (int i = 0; i < 20; ++i) {
    event e;
    e.source = "sim";
    e.id = std::to_string(i);
    e.kind = "jam";
    o.events.push_back(std::move(e));
  }
  co_await g.events.store(context, o);
  auto& r = g.events;
  const auto code = [](const result<event_page>& p) { return p ? errc{} : p.error().code; };
  CHECK(code(co_await r.find(context, {.limit = 0})) == errc::invalid);
  CHECK(code(co_await r.find(context, {.limit = 10'001})) == errc::invalid);
  CHECK(code(co_await r.find(context, {.where = circle{{0, 91}, 1}})) == errc::invalid);
  CHECK(code(co_await r.find(context, {.where = circle{{0, 0}, -1}})) == errc::invalid);
  CHECK(code(co_await r.find(context, {.where = circle{{0, 0}, std::nan("")}})) == errc::invalid);
  CHECK(code(co_await r.find(context, {.where = box{0, 10, 5, 5}})) == errc::invalid);
  CHECK(code(co_await r.find(context, {.where = nearest{{0, 0}, 0}})) == errc::invalid);
  const auto first = (co_await r.find(context, {.limit = 5})).value();
  REQUIRE(!first.next_cursor.empty());
  CHECK(code(co_await r.find(context, {.limit = 7, .cursor = first.next_cursor})) == errc{});
  CHECK(code(co_await r.find(context, {.kinds = {"jam"}, .cursor = first.next_cursor})) == errc::invalid);
  CHECK(code(co_await r.find(context, {.where = box{}, .cursor = first.next_cursor})) == errc::invalid);
  CHECK(code(co_await r.find(context, {.cursor = "nonsense"})) == errc::invalid);
  CHECK(code(co_await r.find(context, {.cursor = std::string(32, '!')})) == errc::invalid);
}

awaitable<void> more_than_can_be_counted(geo_database& g) {
  ports::table rows(14);
  for (std::int64_t i = 0; i < 100'050; ++i) {
    rows.add(i + 1);
    rows.add("sim");
    rows.add(std::to_string(i));
    rows.add("jam");
    rows.add(0);
    const position at{static_cast<double>(i % 3600) / 10 - 180, 5};
    rows.add(cell_of(at));
    rows.add(at.lon);
    rows.add(at.lat);
    rows.add(0);
    rows.add(std::numeric_limits<std::int64_t>::max());
    rows.add(0);
    rows.add(1);
    rows.add(i);
    rows.add("feature");
  }
  (co_await g.database->bulk_load(context, "geo_events",
                                  {"event_key", "source", "id", "kind", "severity", "cell", "lon", "lat", "since",
                                   "expires", "observed", "revision", "content", "feature"},
                                  std::move(rows)))
      .value();
  const auto world = (co_await g.events.find(context, {})).value();
  CHECK(world.features.size() == 1000);
  CHECK_FALSE(world.matched.has_value());
  CHECK((co_await g.events.find(context, {.where = box{-180, 0, 0, 10}}))->matched.has_value());
}

}  // namespace

TEST_CASE("areas and neighbours equal a brute-force search, page by page") { with_geo_database(equals_the_oracle); }
TEST_CASE("thousands of events on one spot") { with_geo_database(a_crowd_on_one_spot); }
TEST_CASE("wrong queries and foreign cursors are refused") { with_geo_database(what_is_wrong_is_said); }
TEST_CASE("counting stops where it would scan too much") { with_geo_database(more_than_can_be_counted); }
