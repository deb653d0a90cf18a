// Finding events by area against a brute-force oracle.
#include "drawn_events.hpp"
#include "geo_database.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

using namespace distsys;
using namespace distsys::domain::geo;
using distsys::tests::drawn;
using distsys::tests::drawn_query;
using distsys::tests::geo_database;
using distsys::tests::start;
using distsys::tests::wanted;
using distsys::tests::with_geo_database;

namespace {

const ports::call_context context;
/// What the query must find, computed the plain way. For nearest: by distance.
std::vector<const event*> expected(const std::vector<event>& events, const event_query& q, timestamp now) {
  std::vector<const event*> hits;
  for (const auto& e : events) {
    if (!wanted(e, q, now) || !matches(q.where, e.at)) continue;
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
  // Whole quads are counted however many they hold; more than 100,000 on the edge are not.
  CHECK((co_await g.events.find(context, {}))->matched == 100'050);
  CHECK((co_await g.events.find(context, {.where = box{-180, 0, 0, 10}}))->matched.has_value());
  const auto crowd =
      co_await g.database->execute(context, {{.sql = "UPDATE geo_events SET lon = 10, lat = 10, cell = ?",
                                              .parameters = ports::table::row(cell_of({10, 10}))}});
  REQUIRE(crowd);
  const auto edge = (co_await g.events.find(context, {.where = circle{{10, 10.001}, 111.2}})).value();
  CHECK_FALSE(edge.matched.has_value());
  CHECK((co_await g.events.find(context, {.where = circle{{10, 10}, 1000}}))->matched == 100'050);
}

}  // namespace

TEST_CASE("areas and neighbours equal a brute-force search, page by page") { with_geo_database(equals_the_oracle); }
TEST_CASE("thousands of events on one spot") { with_geo_database(a_crowd_on_one_spot); }
TEST_CASE("wrong queries and foreign cursors are refused") { with_geo_database(what_is_wrong_is_said); }
TEST_CASE("counting stops where too much lies on the edge") { with_geo_database(more_than_can_be_counted); }
