// Loads: one for all who wait, bounded, none in the way of another, and no failure of one the end of the process.
#include "cache_test.hpp"

#include <atomic>
#include <mutex>

using namespace distsys;
using namespace distsys::tests;
using namespace distsys::roles::cache;
using namespace std::chrono_literals;
namespace geo = distsys::domain::geo;

namespace {

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

awaitable<void> no_memory(geo_database& g, running_cache& c) {
  co_await put(g.events, {event_at("a", centre)});
  co_await c.engine.fresh.catch_up(runtime::steady_now() + 5s);
  c.database->throws = true;
  CHECK((co_await c.ask(city)).status == 507);
  c.database->throws = false;
  CHECK((co_await c.ask(city)).status == 200);
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

}  // namespace

TEST_CASE("a thousand concurrent misses of a cell are one query") { with_cache({}, &thousand_misses); }

TEST_CASE("waiters are bounded") { with_cache({}, &many_waiters); }

TEST_CASE("a load that runs out of memory is one failed load") { with_cache({}, &no_memory); }

TEST_CASE("a question that takes too long is not an outage") { with_cache({}, &one_too_long); }

TEST_CASE("the log is followed while long loads wait for each other") {
  with_cache({.max_waiting_loads = 9}, &long_loads_wait);
}
