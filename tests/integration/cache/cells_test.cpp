// How cells are shared, split, read in parts, paged and explained.
#include "cache_test.hpp"

#include "roles/cache/event_request.hpp"
#include "roles/cache/explain.hpp"

#include <set>

using namespace distsys;
using namespace distsys::tests;
using namespace distsys::roles::cache;
using namespace std::chrono_literals;
namespace geo = distsys::domain::geo;

namespace {

awaitable<void> cells_shared(geo_database& g, running_cache& c) {
  std::vector<geo::event> all;
  all.reserve(60);
  for (int i = 0; i < 60; ++i) all.push_back(event_at("e" + std::to_string(i), {-70.7 + i * 0.001, -33.45}));
  co_await put(g.events, all);
  CHECK((co_await c.ask(city)).cache_status == "distsys; fwd=miss; stored");
  const auto other = co_await c.ask(std::string(city) + "&kind=jam&limit=3");
  CHECK(other.cache_status.find("hit; ttl=") != std::string::npos);
  CHECK(other.cache_status.find("detail=cells") != std::string::npos);
  const auto moved = co_await c.ask("lat=-33.45&lon=-70.63&radius=5");
  CHECK(moved.cache_status == "distsys; fwd=partial; stored");
  // A part of what is kept whole, and what is empty.
  const int queries = c.database->area_queries;
  CHECK((co_await c.ask("lat=-33.45&lon=-70.66&radius=0.5")).cache_status.find("detail=cells") != std::string::npos);
  CHECK(c.engine.loader.counts().parent_hits > 0);
  CHECK(c.database->area_queries == queries);
  CHECK((co_await c.ask("bbox=10,10,10.1,10.1")).cache_status == "distsys; fwd=miss; stored");
  const auto before = c.engine.loader.counts().negative_hits;
  CHECK((co_await c.ask("bbox=10,10,10.1,10.1&limit=5")).cache_status.find("detail=cells") != std::string::npos);
  CHECK(c.engine.loader.counts().negative_hits > before);
  // Until something is written there.
  co_await put(g.events, {event_at("new", {10.05, 10.05})});
  CHECK((co_await c.ask("bbox=10,10,10.1,10.1")).body.find("\"numberMatched\":1,") != std::string::npos);
  // Only what it touches is dropped.
  CHECK((co_await c.ask(city)).cache_status.find("hit") != std::string::npos);
  CHECK((co_await c.ask("bbox=50,50,50.1,50.1", "only-if-cached")).status == 504);
  CHECK((co_await c.ask(city, "only-if-cached")).status == 200);
}

awaitable<void> split_and_bounded(geo_database& g, running_cache& c) {
  std::vector<geo::event> all;
  all.reserve(3000);
  for (int i = 0; i < 3000; ++i)
    all.push_back(event_at("e" + std::to_string(i), {-179.9 + i * 0.119, -60 + (i * 37 % 1200) * 0.1}));
  co_await put(g.events, all);
  const ports::call_context context = ports::call_context::within(30s);
  for (const char* query :
       {"limit=100", "bbox=-90,-45,90,45&limit=2000", "near=0,0&k=20", "near=80,170&k=100&limit=7"}) {
    INFO(query);
    const auto wanted = read_event_request(query);
    const auto expected = (co_await g.events.find(context, wanted->query)).value();
    CHECK((co_await c.ask(query)).body == collection_of(expected));
    CHECK((co_await c.ask(query)).body == collection_of(expected));
  }
  CHECK(c.engine.loader.counts().splits > 0);
  // The world in cells of at most 16 events would be many: it is asked for directly, in few queries.
  CHECK(c.engine.areas.direct_queries() > 0);
  CHECK(c.database->area_queries < 60);
}

awaitable<void> cells_too_long(geo_database& g, running_cache& c) {
  co_await put(g.events, {event_at("a", centre), event_at("b", {centre.lon + 0.02, centre.lat + 0.02})});
  co_await c.engine.fresh.catch_up(runtime::steady_now() + 5s);
  const auto whole = co_await c.ask(city);
  REQUIRE(whole.body.find("\"numberMatched\":2,") != std::string::npos);
  c.engine.purge();
  c.database->most_cells = 1;  // each cell is read by itself
  const auto parts = co_await c.ask(city);
  CHECK(parts.status == 200);
  CHECK(parts.body == whole.body);
  CHECK(parts.cache_status == "distsys; fwd=miss; stored");
  c.engine.purge();
  c.database->most_cells = 0;  // not even one is: the database is asked for the whole
  const auto direct = co_await c.ask(city);
  CHECK(direct.status == 200);
  CHECK(direct.body == whole.body);
  CHECK(direct.cache_status.ends_with("detail=direct"));
}

awaitable<void> expiring(geo_database& g, running_cache& c) {
  runtime::manual_clock clock(runtime::timestamp(2'000'000'000ms));
  std::vector<geo::event> all;
  all.reserve(3000);
  for (int i = 0; i < 3000; ++i)
    all.push_back(event_at("e" + std::to_string(i), {-179.9 + i * 0.119, -60 + (i * 37 % 1200) * 0.1}));
  all.front().expires = runtime::now() + 500ms;
  co_await put(g.events, all);
  const auto asked = c.engine.areas.direct_queries();
  CHECK((co_await c.ask("limit=10")).body.find("\"numberMatched\":3000,") != std::string::npos);
  CHECK(c.engine.areas.direct_queries() > asked);
  clock.advance(499ms);
  CHECK((co_await c.ask("limit=10")).cache_status.find("distsys; hit; ttl=") == 0);
  clock.advance(1ms);
  CHECK((co_await c.ask("limit=10")).body.find("\"numberMatched\":2999,") != std::string::npos);
}

/// From page to page what find() says, for areas of each kind and filters of each.
awaitable<void> paged(geo_database& g, running_cache& c) {
  std::vector<geo::event> all;
  all.reserve(3000);
  for (int i = 0; i < 3000; ++i) {
    all.push_back(event_at("e" + std::to_string(i), {-179.9 + i * 0.119, -60 + (i * 37 % 1200) * 0.1}));
    all.back().severity = i % 11;
    all.back().updated = geo::timestamp(std::chrono::seconds(i));
  }
  co_await put(g.events, all);
  CHECK(co_await c.engine.fresh.catch_up(runtime::steady_now() + 5s));
  geo::event_query since, polygon, nearest, circle, everywhere;
  since.where = geo::box{100, -50, -100, 50};
  since.since = geo::timestamp(1000s);
  polygon.where = geo::polygon{{{-60, -40}, {60, -40}, {0, 55}, {-20, 0}}};
  polygon.sources = {"sim"};
  nearest.where = geo::nearest{{179, 10}, 120};
  nearest.min_severity = 4;
  circle.where = geo::circle{{0, 0}, 4'000'000};
  circle.kinds = {"jam"};
  const ports::call_context context = ports::call_context::within(30s);
  for (geo::event_query q : {since, polygon, nearest, circle, everywhere}) {
    q.limit = 53;
    int pages = 0;
    do {
      const auto expected = (co_await g.events.find(context, q)).value();
      CHECK((co_await c.engine.areas.make(q, trust::believed)).value().body == collection_of(expected));
      q.cursor = expected.next_cursor;
      ++pages;
    } while (!q.cursor.empty());
    CHECK(pages > 1);
    q.cursor = "nonsense";
    CHECK((co_await c.engine.areas.make(q, trust::believed)).error() == errc::invalid);
  }
}

awaitable<json::object> explained(running_cache& c, std::string query) {
  explain handler(c.engine);
  net::http_request request;
  request.query = query;
  const auto r = co_await handler.read(request);
  CHECK(r.status == 200);
  co_return json::parse(std::get<std::string>(r.body)).value().get_object();
}

std::set<std::string> layers_of(const json::object& o) {
  std::set<std::string> all;
  for (const auto& c : *json::get_array(o, "cells"))
    all.insert(std::string(*json::get_string(c.get_object(), "layer")) + ' ' +
               std::string(*json::get_string(c.get_object(), "status")));
  return all;
}

awaitable<void> explanations(geo_database& g, running_cache& c) {
  co_await put(g.events, {event_at("a", centre)});
  const auto misses = c.engine.desk.counts().misses;
  auto o = co_await explained(c, city);
  CHECK(layers_of(o) == std::set<std::string>{"database miss"});
  CHECK(c.database->area_queries == 0);
  o = co_await explained(c, std::string(city) + "&fill=true");
  CHECK(layers_of(o) == std::set<std::string>{"database miss"});
  CHECK(json::get_integer(o, "events") == 1);
  CHECK(c.engine.desk.counts().misses == misses);
  o = co_await explained(c, city);
  CHECK(layers_of(o) == std::set<std::string>{"cell hit", "cell negative"});
  o = co_await explained(c, "lat=-33.45&lon=-70.66&radius=0.2");
  CHECK(layers_of(o).contains("parent hit"));
  co_await ask_all(c, {city});
  o = co_await explained(c, city);
  CHECK(layers_of(o) == std::set<std::string>{"answer hit"});
  // The past is asked of the database, whatever cells are kept.
  o = co_await explained(c, at_second(0));
  CHECK(json::get_string(o, "layer") == "database");
  CHECK(layers_of(o).empty());
  CHECK(o["direct"].as_bool());
  co_await ask_all(c, {at_second(0)});
  CHECK(json::get_string(co_await explained(c, at_second(0)), "layer") == "answer");
  // It knows the parameters of /events, and nothing else.
  explain handler(c.engine);
  net::http_request bad;
  bad.query = "colour=red";
  CHECK((co_await handler.read(bad)).status == 400);
}

awaitable<void> nothing_kept(geo_database& g, running_cache& c) {
  co_await put(g.events, {event_at("a", centre)});
  co_await ask_all(c, {city});
  const auto o = co_await explained(c, std::string(city) + "&fill=true");
  CHECK(json::get_string(o, "layer") == "database");
  CHECK(layers_of(o).empty());
}

}  // namespace

TEST_CASE("overlapping queries share cells, empty ones too") { with_cache({}, &cells_shared); }

TEST_CASE("a crowded cell is split, and a world-wide query is bounded") {
  with_cache({.cell_events = 16}, &split_and_bounded);
}

TEST_CASE("cells whose events are too long for one result are read in parts") { with_cache({}, &cells_too_long); }

TEST_CASE("an answer of the database itself ends with the first of its events") {
  with_cache({.cell_events = 4}, &expiring);
}

TEST_CASE("pages from cells are those of the database") { with_cache({.cell_events = 300}, &paged); }

TEST_CASE("a query's cells are explained, and only filled when that is asked for") { with_cache({}, &explanations); }

TEST_CASE("where nothing is kept the database is what answers") {
  with_cache({.lifetimes = {0s, 0s, 0s}}, &nothing_kept);
}
