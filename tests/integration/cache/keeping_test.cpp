// What is kept, for how many bytes, and how it is forgotten.
#include "cache_test.hpp"

#include "roles/cache/purge.hpp"
#include "roles/cache/statistics.hpp"

#include <malloc.h>

#include <algorithm>

using namespace distsys;
using namespace distsys::tests;
using namespace distsys::roles::cache;
using namespace std::chrono_literals;
namespace geo = distsys::domain::geo;

namespace {

awaitable<void> purged(geo_database& g, running_cache& c) {
  auto quake = event_at("q", {10, 10}, "earthquake");
  quake.source = "usgs";
  co_await put(g.events, {event_at("a", centre), quake});
  const std::string there = "bbox=9,9,11,11";
  co_await ask_all(c, {city, there});
  CHECK(c.engine.purge("usgs").cells > 0);
  CHECK((co_await c.ask(city)).cache_status.find("hit") != std::string::npos);
  CHECK((co_await c.ask(there)).cache_status.find("fwd=") != std::string::npos);
  CHECK(c.engine.purge({geo::quad::of(geo::cell_of(centre), 6)}).answers > 0);
  CHECK((co_await c.ask(there)).cache_status.find("hit") != std::string::npos);
  CHECK((co_await c.ask(city)).cache_status.find("fwd=") != std::string::npos);
  CHECK(c.engine.purge().cells > 0);
  CHECK(c.engine.cells.totals().entries == 0);
  CHECK(c.engine.answers.totals().entries == 0);
}

// What was asked of the database directly has no cells, and counts do not say whose events they count.
awaitable<void> purged_without_cells(geo_database& g, running_cache& c) {
  auto quake = event_at("q", {10, 10}, "earthquake");
  quake.source = "usgs";
  co_await put(g.events, {event_at("a", centre), quake});
  const std::string there = "bbox=9,9,11,11", then = there + "&at=1970-01-01T01:00:00Z", cells = "&by=cell&level=10";
  const std::string other = std::string(city) + "&at=1970-01-01T01:00:00Z";
  for (const std::string& query : {then, other})
    CHECK((co_await c.ask(query)).body.find("\"numberMatched\":1,") != std::string::npos);
  for (const std::string& query : {there, there + cells}) CHECK((co_await c.ask_count(query)).status == 200);
  REQUIRE(c.engine.cells.totals().entries == 0);
  c.counts.forget();
  CHECK(c.counts.totals().entries == 0);
  CHECK((co_await c.ask(then)).cache_status.find("hit") != std::string::npos);
  CHECK(c.engine.purge("usgs").answers >= 2);
  CHECK((co_await c.ask(other)).cache_status.find("hit") != std::string::npos);
  CHECK((co_await c.ask(then)).cache_status.find("fwd=") != std::string::npos);
  for (const std::string& query : {there, there + cells})
    CHECK((co_await c.ask_count(query)).cache_status.find("fwd=miss") != std::string::npos);
}

awaitable<void> count_into(running_cache& c, std::string query) {
  const auto reply = co_await c.ask_count(std::move(query));
  CHECK(reply.status == 200);
}

// Whatever is being read when a source is purged, may hold its events.
awaitable<void> purged_while_read(geo_database& g, running_cache& c) {
  auto quake = event_at("q", {10, 10}, "earthquake");
  quake.source = "usgs";
  co_await put(g.events, {event_at("a", centre), quake});
  REQUIRE((co_await c.ask(city)).status == 200);
  const std::string there = "bbox=9,9,11,11", then = there + "&at=1970-01-01T01:00:00Z", cells = "&by=cell&level=10";
  c.database->held = c.database->past_held = true;
  const int before = c.database->area_queries;
  std::vector<running_cache::reply> replies;
  std::mutex mutex;
  runtime::task_group asking;
  const auto ask = [&](const std::string& query) { asking.spawn(g.loops.loop(1), ask_into(c, query, replies, mutex)); };
  ask(there);
  CHECK(co_await eventually([&] { return c.database->area_queries == before + 1; }));
  ask(then);
  CHECK(co_await eventually([&] { return c.database->past_reading == 1; }));
  c.engine.purge("usgs");
  c.database->held = c.database->past_held = false;
  co_await asking.wait();
  CHECK(replies.size() == 2);
  for (const std::string& query : {there, then})
    CHECK((co_await c.ask(query)).cache_status.find("fwd=miss; stored") != std::string::npos);
  CHECK((co_await c.ask(city)).cache_status.find("hit") != std::string::npos);
  c.database->held = true;
  const int counted = c.database->area_queries;
  asking.spawn(g.loops.loop(1), count_into(c, there + cells));
  CHECK(co_await eventually([&] { return c.database->area_queries > counted; }));
  c.counts.forget();
  c.database->held = false;
  co_await asking.wait();
  CHECK(c.counts.totals().entries == 0);
}

// It would be kept under its own watch.
awaitable<void> not_joined_after_purge(geo_database& g, running_cache& c) {
  co_await put(g.events, {event_at("a", centre)});
  co_await c.engine.fresh.catch_up(runtime::steady_now() + 5s);
  c.database->held = true;
  std::vector<running_cache::reply> replies;
  std::mutex mutex;
  runtime::task_group asking;
  for (const int n : {1, 2, 3}) {
    const std::string query = std::string(city) + "&limit=" + std::to_string(n);  // of the same cells
    asking.spawn(g.loops.loop(1), ask_into(c, query, replies, mutex));
    CHECK(co_await eventually([&] { return c.database->area_queries == n; }));
    n == 1 ? c.engine.purge("usgs") : c.engine.purge();
  }
  c.database->held = false;
  co_await asking.wait();
  CHECK(c.engine.cells.totals().entries == 0);
  CHECK(c.engine.answers.totals().entries == 0);
}

// The very same question, too: its answer would be told to whoever asked after the purge.
awaitable<void> not_told_after_purge(geo_database& g, running_cache& c) {
  co_await put(g.events, {event_at("a", centre)});
  co_await c.engine.fresh.catch_up(runtime::steady_now() + 5s);
  c.database->held = true;
  std::vector<running_cache::reply> replies;
  std::mutex mutex;
  runtime::task_group asking;
  for (const int n : {1, 2}) {
    asking.spawn(g.loops.loop(1), ask_into(c, std::string(city), replies, mutex));
    CHECK(co_await eventually([&] { return c.database->area_queries == n; }));
    c.engine.purge();
  }
  c.database->held = false;
  co_await asking.wait();
  CHECK(replies.size() == 2);
}

awaitable<int> purge_status(purge_handler& purges, std::string body) {
  net::http_request request;
  request.body = body;
  request.deadline = runtime::steady_now() + 30s;
  co_return (co_await purges.purge(request)).status;
}

awaitable<void> purged_beside_packing(geo_database&, running_cache& c) {
  const access_list nobody;
  purge_handler purges(c.engine, c.counts, nobody), crowded(c.engine, c.counts, nobody, 0);
  for (const char* what : {R"({"all":true})", R"({"bbox":[1,2,3,4]})", R"({"cell":"w03"})"}) {
    CHECK(co_await purge_status(purges, what) == 200);
    CHECK(co_await purge_status(crowded, what) == 503);
  }
  CHECK(co_await purge_status(purges, R"({"source":"usgs"})") == 200);
  CHECK(co_await purge_status(crowded, R"({"source":"usgs"})") == 503);
}

std::size_t heap_in_use() {
  const struct mallinfo2 m = ::mallinfo2();
  return m.uordblks + m.hblkhd;
}

std::vector<std::string> viewports() {
  std::vector<std::string> all;
  for (int column = 0; column < 10; ++column)
    for (int row = 0; row < 20; ++row)
      all.push_back("lat=" + std::to_string(-33.6 + row * 0.015) + "&lon=" + std::to_string(-70.8 + column * 0.03) +
                    "&radius=2");
  return all;
}

awaitable<void> accounted(geo_database& g, running_cache& c) {
  std::vector<geo::event> all;
  all.reserve(10'000);
  for (int column = 0; column < 100; ++column) {
    for (int row = 0; row < 100; ++row) {
      const std::size_t i = all.size();
      all.push_back(event_at("e" + std::to_string(i), {-70.8 + column * 0.003, -33.6 + row * 0.003}));
      all.back().text = std::string(50 + i % 300, 't');
    }
  }
  co_await put(g.events, all);
  all = {};
  // Once for what the database keeps for itself, then for what the cache does.
  co_await ask_all(c, viewports());
  c.engine.purge();
  const std::size_t heap = heap_in_use(), before = c.engine.cells.totals().bytes + c.engine.answers.totals().bytes;
  co_await ask_all(c, viewports());
  const std::size_t grown = heap_in_use() - heap;
  const std::size_t counted = c.engine.cells.totals().bytes + c.engine.answers.totals().bytes - before;
  WARN("accounted " << counted << " bytes, the heap grew by " << grown);
  CHECK(c.engine.cells.totals().entries > 50);
  if (heap == 0) co_return;  // a sanitizer's allocator tells nothing
  // The compressed forms are reserved and not made here.
  std::size_t reserved = 0;
  for (const auto& query : viewports()) reserved += gzip_form::allowance((co_await c.ask(query)).body.size());
  CHECK(static_cast<double>(counted - reserved) > 0.85 * static_cast<double>(grown));
  CHECK(static_cast<double>(counted - reserved) < 1.15 * static_cast<double>(grown));
}

awaitable<void> counted(geo_database& g, running_cache& c) {
  co_await put(g.events, {event_at("a", centre)});
  CHECK((co_await c.ask_count(std::string(city) + "&by=cell&level=10")).status == 200);
  CHECK((co_await c.ask_count(city)).status == 200);
  CHECK((co_await c.ask_count(city)).cache_status.find("hit") != std::string::npos);
  statistics figures(c.engine, c.counts);
  const auto told = json::parse(std::get<std::string>((co_await figures.read()).body)).value().get_object();
  const json::object& tiles = told.at("counts").get_object();
  CHECK(tiles.at("misses").as_int64() == static_cast<std::int64_t>(c.counts.misses()));
  CHECK(tiles.at("misses").as_int64() > 0);
  CHECK(tiles.at("entries").as_int64() > 0);
  // Whatever a query of another endpoint looks like.
  CHECK((co_await c.ask("count?" + std::string(city))).status == 400);
  CHECK((co_await c.ask("count " + std::string(city))).status == 400);
}

}  // namespace

TEST_CASE("what is kept of an area or of a source can be forgotten") { with_cache({}, &purged); }

TEST_CASE("what is kept of a source without its cells is forgotten, too") { with_cache({}, &purged_without_cells); }

TEST_CASE("what is being read while a source is purged is not kept") { with_cache({}, &purged_while_read); }

TEST_CASE("who asks after a purge joins no load of before") {
  with_cache({}, &not_joined_after_purge);
  with_cache({}, &not_told_after_purge);
}

TEST_CASE("purges wait for each other, and for nothing else") {
  with_cache({.max_packing = 0}, &purged_beside_packing);
}

TEST_CASE("the bytes that are counted are those that the process grows by") { with_cache({}, &accounted); }

TEST_CASE("counts are found by their own spelling") { with_cache({}, &counted); }
