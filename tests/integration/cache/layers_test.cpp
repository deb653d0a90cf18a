// What the layers of the cache promise, one by one, on a real database.
#include "cache_fixture.hpp"

#include "roles/cache/event_request.hpp"
#include "roles/cache/explain.hpp"
#include "roles/cache/statistics.hpp"

#include <malloc.h>

#include <algorithm>
#include <exception>
#include <mutex>
#include <set>

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
  cache.database->log_held = false;
  cache.database->past_held = false;
  co_await cache.stop();
  if (failed) std::rethrow_exception(failed);
}

/// Runs `test` with a started cache on a fresh database.
void with_cache(const engine_settings& settings, cache_test test) {
  with_geo_database([settings, test](geo_database& g) { return run_with_cache(g, settings, test); });
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

awaitable<void> no_memory(geo_database& g, running_cache& c) {
  co_await put(g.events, {event_at("a", centre)});
  co_await c.engine.fresh.catch_up(runtime::steady_now() + 5s);
  c.database->throws = true;
  CHECK((co_await c.ask(city)).status == 507);
  c.database->throws = false;
  CHECK((co_await c.ask(city)).status == 200);
}

awaitable<void> ask_all(running_cache& c, std::vector<std::string> queries) {
  for (const std::string& query : queries) co_await c.ask(query);
}

template <class Condition>
awaitable<bool> eventually(Condition holds) {
  for (const auto end = runtime::steady_now() + 20s; runtime::steady_now() < end;) {
    if (holds()) co_return true;
    co_await runtime::sleep_for(1ms);
  }
  co_return false;
}

/// A thousand callers of one cell, in a thousand spellings that mean a thousand answers, while the database is held.
awaitable<std::vector<running_cache::reply>> ask_a_thousand(geo_database& g, running_cache& c, double west) {
  std::vector<running_cache::reply> replies;
  std::mutex mutex;
  const auto before = c.engine.loader.counts();
  const std::string box = "bbox=" + std::to_string(west) + ",-33.451," + std::to_string(west + 0.002) + ",-33.449";
  c.database->held = true;
  runtime::task_group asking;
  for (unsigned i = 0; i < 1000; ++i)
    asking.spawn(g.loops.loop(i % 4), ask_into(c, box + "&limit=" + std::to_string(i + 1), replies, mutex));
  CHECK(co_await eventually([&] {
    const auto n = c.engine.loader.counts();
    return n.misses + n.coalesced - before.misses - before.coalesced >= 1000;
  }));
  c.database->held = false;
  co_await asking.wait();
  co_return replies;
}

awaitable<void> thousand_misses(geo_database& g, running_cache& c) {
  co_await put(g.events, {event_at("a", centre)});
  co_await c.engine.fresh.catch_up(runtime::steady_now() + 5s);
  // The file's first look at commits of others announces once for nothing: whoever comes after that may not join a load
  // that began before. Then the next place is asked for, which nobody has asked for yet.
  for (int place = 0;; ++place) {
    const auto announced = c.engine.fresh.announced();
    const auto before = c.engine.loader.counts();
    const auto reads = c.database->area_queries.load();
    const auto replies = co_await ask_a_thousand(g, c, centre.lon - 0.001 + place);
    REQUIRE(replies.size() == 1000);
    for (const auto& r : replies) {
      CHECK(r.status == 200);
      CHECK(r.body.find(place == 0 ? "\"numberMatched\":1," : "\"numberMatched\":0,") != std::string::npos);
    }
    if (c.engine.fresh.announced() != announced) {
      REQUIRE(place < 20);
      continue;
    }
    CHECK(c.engine.loader.counts().queries - before.queries == 1);
    CHECK(c.database->area_queries - reads == 1);
    break;
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

awaitable<void> get_into(running_cache& c, geo::quad q, std::atomic<unsigned>& got, std::atomic<unsigned>& refused) {
  const auto r =
      co_await c.engine.loader.get(std::vector<geo::quad>(1, q), trust::believed, runtime::steady_now() + 30s);
  got += r ? 1 : 0;
  refused += !r && r.error() == errc::overloaded ? 1 : 0;
}

// Of one cell, by callers who trust the log: whatever is announced meanwhile, they wait for one load.
awaitable<void> many_waiters(geo_database& g, running_cache& c) {
  constexpr unsigned callers = 10'010, refusals = 10;
  const auto q = geo::quad::of(geo::cell_of(centre), 12);
  c.database->held = true;
  std::atomic<unsigned> got = 0, refused = 0;
  runtime::task_group asking;
  for (unsigned i = 0; i < callers; ++i) asking.spawn(g.loops.loop(0), get_into(c, q, got, refused));
  CHECK(co_await eventually([&] {
    const auto n = c.engine.loader.counts();
    return n.misses + n.coalesced >= callers;
  }));
  c.database->held = false;
  co_await asking.wait();
  CHECK(refused == refusals);
  CHECK(got == callers - refusals);
}

/// The follower reads the log, but has not come to what has just been announced.
awaitable<std::uint64_t> leave_behind(geo_database& g, running_cache& c) {
  co_await c.engine.fresh.catch_up(runtime::steady_now() + 5s);
  c.database->log_held = true;
  const std::uint64_t known = c.engine.fresh.announced();
  co_await put(g.events, {event_at("b", centre)});
  CHECK(co_await eventually([&] { return c.engine.fresh.announced() > known; }));
  co_return known;
}

awaitable<void> late_follower(geo_database& g, running_cache& c) {
  co_await put(g.events, {event_at("a", centre)});
  REQUIRE((co_await c.ask(city)).status == 200);
  const std::uint64_t known = co_await leave_behind(g, c);
  const auto ask = [&](const char* query) {
    c.engine.fresh.settle(known, c.engine.fresh.applied(), runtime::steady_now());
    return c.ask(query);
  };
  // One question that fails leaves the others alone, and an acknowledged write is in every answer.
  for (const errc e : {errc::timeout, errc::too_large, errc::unavailable}) {
    c.database->area_error = e;
    CHECK((co_await ask("bbox=100,10,101,11")).status != 200);
    c.database->area_error = errc{};
    const auto r = co_await ask(city);
    CHECK(r.cache_status.find("stale-if-error") == std::string::npos);
    CHECK(r.body.find("\"numberMatched\":2,") != std::string::npos);
  }
  // Or there is none.
  for (const errc e : {errc::overloaded, errc::timeout, errc::unavailable}) {
    c.database->area_error = e;
    const auto r = co_await ask(city);
    CHECK(r.status == 503);
    CHECK_FALSE(r.retry_after.empty());
  }
  c.database->area_error = errc{};
  c.database->log_held = false;
}

awaitable<void> one_too_long(geo_database& g, running_cache& c) {
  co_await put(g.events, {event_at("a", centre)});
  co_await c.engine.fresh.catch_up(runtime::steady_now() + 5s);
  REQUIRE((co_await c.ask("bbox=-70.7,-33.5,-70.6,-33.4")).status == 200);
  for (const errc e : {errc::timeout, errc::too_large, errc::overloaded}) {
    c.database->area_error = e;
    CHECK((co_await c.ask("bbox=100,10,101,11")).status >= 400);
    c.database->area_error = errc{};
    const auto r = co_await c.ask("bbox=-70.7,-33.5,-70.6,-33.4&limit=" + std::to_string(1 + static_cast<int>(e)));
    CHECK(r.status == 200);
    CHECK(r.cache_status.find("stale") == std::string::npos);
  }
}

std::string at_second(unsigned i) { return std::string(city) + "&at=1970-01-01T01:00:" + std::to_string(10 + i) + 'Z'; }

awaitable<void> long_loads_wait(geo_database& g, running_cache& c) {
  co_await put(g.events, {event_at("a", centre)});
  co_await c.engine.fresh.catch_up(runtime::steady_now() + 5s);
  c.database->readers = 2;
  c.database->past_held = true;
  std::vector<running_cache::reply> replies;
  std::mutex mutex;
  runtime::task_group asking;
  for (unsigned i = 0; i < 10; ++i) asking.spawn(g.loops.loop(i % 4), ask_into(c, at_second(i), replies, mutex));
  CHECK(co_await eventually([&] { return c.database->past_reading > 0 && c.engine.long_loads.waiting() == 9; }));
  // The log is followed, and cells are read.
  co_await put(g.events, {event_at("b", centre)});
  CHECK(co_await c.engine.fresh.catch_up(runtime::steady_now() + 5s));
  CHECK((co_await c.ask(city)).body.find("\"numberMatched\":2,") != std::string::npos);
  CHECK(c.database->past_reading == 1);
  // One more than may wait, of each kind.
  for (const auto& r : {co_await c.ask(at_second(20)), co_await c.ask_count(city)}) {
    CHECK(r.status == 503);
    CHECK_FALSE(r.retry_after.empty());
  }
  c.database->past_held = false;
  co_await asking.wait();
  for (const auto& r : replies) CHECK(r.status == 200);
  CHECK((co_await c.ask_count(city)).body.find("\"total\":2,") != std::string::npos);
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

awaitable<void> revalidated(geo_database& g, running_cache& c) {
  co_await put(g.events, {event_at("a", centre)});
  const auto fresh = co_await c.ask(city);
  const int queries = c.database->area_queries;
  time_point over{};
  const auto kept = c.engine.areas.peek(read_event_request(city)->query.where, runtime::steady_now());
  REQUIRE(kept);
  for (const auto& f : *kept) over = std::max(over, f.from->fresh_until);
  co_await runtime::sleep_until(over);  // what is tested is that time has passed
  running_cache::reply r = co_await c.ask(city);
  CHECK(r.cache_status.find("hit; ttl=") != std::string::npos);
  CHECK(r.cache_status.find("detail=stale-while-revalidate") != std::string::npos);
  CHECK(r.body == fresh.body);
  // One refresh of each cell runs beside it, and then the answer is fresh again.
  CHECK(co_await eventually([&] { return c.database->area_queries > queries; }));
  for (const auto end = runtime::steady_now() + 20s; runtime::steady_now() < end; co_await runtime::sleep_for(1ms)) {
    r = co_await c.ask(city);
    if (r.cache_status.find("stale") == std::string::npos) break;
  }
  CHECK(r.cache_status.find("hit; ttl=") != std::string::npos);
  CHECK(c.engine.loader.counts().refreshes > 0);
  CHECK(c.engine.desk.counts().misses > 0);
}

awaitable<void> refreshed_ahead(geo_database& g, running_cache& c) {
  co_await put(g.events, {event_at("a", centre)});
  co_await c.ask(city);
  std::string other_than_hit;
  for (const auto end = runtime::steady_now() + 20s; runtime::steady_now() < end; co_await runtime::sleep_for(1ms)) {
    const auto r = co_await c.ask(city);
    if (r.cache_status.find("hit") == std::string::npos) other_than_hit = r.cache_status;
    if (c.engine.loader.counts().refreshes > 0 && c.database->area_queries > 1) break;
  }
  CHECK(c.engine.loader.counts().refreshes > 0);
  CHECK(other_than_hit.empty());
}

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

TEST_CASE("a thousand concurrent misses of a cell are one query") { with_cache({}, &thousand_misses); }

TEST_CASE("a fill that raced with an invalidation loses") { with_cache({}, &raced_fill); }

TEST_CASE("a stale window serves while the database is down, and 503 with Retry-After after it") {
  with_cache({.lifetimes = {60s, 1s, 5s}}, &outage);
}

TEST_CASE("overlapping queries share cells, empty ones too") { with_cache({}, &cells_shared); }

TEST_CASE("a crowded cell is split, and a world-wide query is bounded") {
  with_cache({.cell_events = 16}, &split_and_bounded);
}

TEST_CASE("an answer of the database itself ends with the first of its events") {
  with_cache({.cell_events = 4}, &expiring);
}

TEST_CASE("cells whose events are too long for one result are read in parts") { with_cache({}, &cells_too_long); }

TEST_CASE("a load that runs out of memory is one failed load") { with_cache({}, &no_memory); }

TEST_CASE("pages from cells are those of the database") { with_cache({.cell_events = 300}, &paged); }

TEST_CASE("waiters are bounded") { with_cache({}, &many_waiters); }

TEST_CASE("while the follower is late nothing old is served, whatever fails") { with_cache({}, &late_follower); }

TEST_CASE("a question that takes too long is not an outage") { with_cache({}, &one_too_long); }

TEST_CASE("past its time a cell is served while one reading of it runs") {
  with_cache({.lifetimes = {300ms, 30s, 30s}}, &revalidated);
}

TEST_CASE("a cell in use is read again before its time is over") {
  with_cache({.lifetimes = {300ms, 30s, 30s}}, &refreshed_ahead);
}

TEST_CASE("what is kept of an area or of a source can be forgotten") { with_cache({}, &purged); }

TEST_CASE("the bytes that are counted are those that the process grows by") { with_cache({}, &accounted); }

TEST_CASE("a query's cells are explained, and only filled when that is asked for") { with_cache({}, &explanations); }

TEST_CASE("where nothing is kept the database is what answers") {
  with_cache({.lifetimes = {0s, 0s, 0s}}, &nothing_kept);
}

TEST_CASE("the log is followed while long loads wait for each other") {
  with_cache({.max_waiting_loads = 9}, &long_loads_wait);
}

TEST_CASE("counts are found by their own spelling") { with_cache({}, &counted); }
