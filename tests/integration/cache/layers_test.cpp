// What the layers of the cache promise, one by one, on a real database.
#include "cache_fixture.hpp"

#include <algorithm>
#include <exception>
#include <mutex>

using namespace distsys;
using namespace distsys::tests;
using namespace distsys::roles::cache;
using namespace std::chrono_literals;
namespace geo = distsys::domain::geo;

namespace {

constexpr const char* city = "lat=-33.45&lon=-70.66&radius=5";
const geo::position centre{-70.66, -33.45};

awaitable<void> ask_into(running_cache& c, std::string query, std::vector<running_cache::reply>& replies,
                         std::mutex& mutex) {
  auto r = co_await c.ask(std::move(query));
  const std::scoped_lock lock(mutex);
  replies.push_back(std::move(r));
}

using cache_test = awaitable<void> (*)(geo_database&, running_cache&);

awaitable<void> run_with_cache(geo_database& g, engine_settings settings, cache_test test) {
  running_cache cache(g.database, settings);
  co_await cache.start(g.loops.loop(0));
  std::exception_ptr failed;
  try {
    co_await test(g, cache);
  } catch (...) {
    failed = std::current_exception();
  }
  cache.database->held = false;
  co_await cache.stop();
  if (failed) std::rethrow_exception(failed);
}

/// Runs `test` with a started cache on a fresh database.
void with_cache(const engine_settings& settings, cache_test test) {
  with_geo_database([settings, test](geo_database& g) { return run_with_cache(g, settings, test); });
}

template <class Condition>
awaitable<bool> eventually(Condition holds) {
  for (const auto end = runtime::steady_now() + 20s; runtime::steady_now() < end;) {
    if (holds()) co_return true;
    co_await runtime::sleep_for(1ms);
  }
  co_return false;
}

awaitable<void> thousand_misses(geo_database& g, running_cache& c) {
  co_await put(g.events, {event_at("a", centre)});
  co_await c.engine.fresh.catch_up(runtime::steady_now() + 5s);
  const auto before = c.engine.loader.counts();
  c.database->held = true;
  std::vector<running_cache::reply> replies;
  std::mutex mutex;
  {
    // Of one cell, in a thousand spellings that mean a thousand answers.
    runtime::task_group asking;
    for (unsigned i = 0; i < 1000; ++i)
      asking.spawn(g.loops.loop(i % 4),
                   ask_into(c, "bbox=-70.661,-33.451,-70.659,-33.449&limit=" + std::to_string(i + 1), replies, mutex));
    CHECK(co_await eventually([&] {
      const auto n = c.engine.loader.counts();
      return n.misses + n.coalesced - before.misses - before.coalesced >= 1000;
    }));
    c.database->held = false;
    co_await asking.wait();
  }
  const auto after = c.engine.loader.counts();
  CHECK(after.queries - before.queries == 1);
  CHECK(c.database->area_queries == 1);
  REQUIRE(replies.size() == 1000);
  for (const auto& r : replies) {
    CHECK(r.status == 200);
    CHECK(r.body.find("\"numberMatched\":1,") != std::string::npos);
  }
}

awaitable<void> raced_fill(geo_database& g, running_cache& c) {
  co_await put(g.events, {event_at("a", centre)});
  co_await c.engine.fresh.catch_up(runtime::steady_now() + 5s);
  c.database->held = true;
  std::vector<running_cache::reply> replies;
  std::mutex mutex;
  runtime::task_group asking;
  asking.spawn(g.loops.loop(1), ask_into(c, city, replies, mutex));
  CHECK(co_await eventually([&] { return c.database->area_queries == 1; }));
  co_await runtime::sleep_for(20ms);  // it has read; the check below does not depend on it
  co_await put(g.events, {event_at("b", centre)});
  CHECK(co_await c.engine.fresh.catch_up(runtime::steady_now() + 5s));
  c.database->held = false;
  co_await asking.wait();
  REQUIRE(replies.size() == 1);
  // What was read before the change is not there for those who come after it.
  const auto then = co_await c.ask(city);
  CHECK(then.body.find("\"numberMatched\":2,") != std::string::npos);
  CHECK(then.cache_status.find("fwd=partial") != std::string::npos);
}

awaitable<void> outage(geo_database& g, running_cache& c) {
  co_await put(g.events, {event_at("a", centre)});
  const auto good = co_await c.ask(city);
  REQUIRE(good.status == 200);
  CHECK((co_await c.ask(city)).cache_status.find("hit") != std::string::npos);
  c.database->down = true;
  // Once the log cannot be read nothing is believed, but what is kept is served as stale.
  running_cache::reply r;
  for (const auto end = runtime::steady_now() + 20s; runtime::steady_now() < end; co_await runtime::sleep_for(10ms)) {
    r = co_await c.ask(city);
    if (r.cache_status.find("stale-if-error") != std::string::npos) break;
  }
  CHECK(r.status == 200);
  CHECK(r.body == good.body);
  CHECK(r.cache_status.find("detail=stale-if-error") != std::string::npos);
  // Another answer from the same cells, too.
  CHECK((co_await c.ask(std::string(city) + "&kind=jam")).status == 200);
  // What is not kept is 503 with Retry-After at once, and what is kept is when its window is over.
  const auto none = co_await c.ask("bbox=100,10,101,11");
  CHECK(none.status == 503);
  CHECK_FALSE(none.retry_after.empty());
  for (const auto end = runtime::steady_now() + 20s; runtime::steady_now() < end; co_await runtime::sleep_for(10ms)) {
    r = co_await c.ask(city);
    if (r.status != 200) break;
  }
  CHECK(r.status == 503);
  CHECK_FALSE(r.retry_after.empty());
  c.database->down = false;
  for (const auto end = runtime::steady_now() + 20s; runtime::steady_now() < end; co_await runtime::sleep_for(10ms)) {
    r = co_await c.ask(city);
    if (r.status == 200 && r.cache_status.find("stale") == std::string::npos) break;
  }
  CHECK(r.body == good.body);
}

awaitable<void> cells_shared(geo_database& g, running_cache& c) {
  std::vector<geo::event> all;
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

awaitable<void> many_waiters(geo_database& g, running_cache& c) {
  c.database->held = true;
  std::vector<running_cache::reply> replies;
  std::mutex mutex;
  runtime::task_group asking;
  for (unsigned i = 0; i < 10'010; ++i)
    asking.spawn(g.loops.loop(0),
                 ask_into(c, "bbox=1,1,1.001,1.001&limit=" + std::to_string(i % 10'000 + 1), replies, mutex));
  CHECK(co_await eventually([&] {
    const auto n = c.engine.loader.counts();
    return n.misses + n.coalesced >= 10'000;
  }));
  c.database->held = false;
  co_await asking.wait();
  const auto refused = std::count_if(replies.begin(), replies.end(), [](const auto& r) { return r.status == 503; });
  CHECK(replies.size() == 10'010);
  CHECK(refused <= 10);
}

}  // namespace

TEST_CASE("a thousand concurrent misses of a cell are one query") { with_cache({}, &thousand_misses); }

TEST_CASE("a fill that raced with an invalidation loses") { with_cache({}, &raced_fill); }

TEST_CASE("a stale window serves while the database is down, and 503 with Retry-After after it") {
  with_cache({.lifetimes = {60s, 1s, 5s}}, &outage);
}

TEST_CASE("overlapping queries share cells, empty ones too") { with_cache({}, &cells_shared); }

TEST_CASE("a crowded cell is split, and a world-wide query is bounded") {
  with_cache({.cell_events = 16}, &split_and_bounded);
}

TEST_CASE("waiters are bounded") { with_cache({}, &many_waiters); }
