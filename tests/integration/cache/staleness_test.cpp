// When what is kept may be served: after changes, while the database is down, past its time.
#include "cache_test.hpp"

#include "roles/cache/event_intake.hpp"

#include <mutex>

using namespace distsys;
using namespace distsys::tests;
using namespace distsys::roles::cache;
using namespace std::chrono_literals;
namespace geo = distsys::domain::geo;

namespace {

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

/// The follower reads the log, but has not come to what has just been announced.
awaitable<announcements> leave_behind(geo_database& g, running_cache& c) {
  co_await c.engine.fresh.catch_up(runtime::steady_now() + 5s);
  c.database->log_held = true;
  const announcements known = c.engine.fresh.heard();
  co_await put(g.events, {event_at("b", centre)});
  CHECK(co_await eventually([&] { return c.engine.fresh.announced() > known.all; }));
  co_return known;
}

awaitable<void> late_follower(geo_database& g, running_cache& c) {
  co_await put(g.events, {event_at("a", centre)});
  REQUIRE((co_await c.ask(city)).status == 200);
  const announcements known = co_await leave_behind(g, c);
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

// What another process committed is not known here, and with the database lost nobody can tell which areas it touched:
// what is kept is better than nothing for all of them.
awaitable<void> lost_before_it_was_read(geo_database& g, running_cache& c) {
  co_await put(g.events, {event_at("a", centre)});
  const auto good = co_await c.ask(city);
  REQUIRE(good.status == 200);
  c.database->elsewhere = true;
  const announcements known = co_await leave_behind(g, c);
  CHECK(c.engine.fresh.heard().own == known.own);
  c.database->area_error = errc::unavailable;
  c.engine.fresh.settle(known, c.engine.fresh.applied(), runtime::steady_now());
  const auto r = co_await c.ask(city);
  CHECK(r.status == 200);
  CHECK(r.body == good.body);
  CHECK(r.cache_status.find("stale-if-error") != std::string::npos);
  c.database->area_error = errc{};
  c.database->log_held = false;
  CHECK(co_await eventually([&] { return c.engine.fresh.settled() > known.all; }));
  CHECK((co_await c.ask(city)).body.find("\"numberMatched\":2,") != std::string::npos);
}

// Whom this process told that something is stored must not miss it here, whoever stored it first.
awaitable<void> confirmed_here(geo_database& g, running_cache& c) {
  co_await put(g.events, {event_at("a", centre)});
  REQUIRE((co_await c.ask(city)).status == 200);
  c.database->elsewhere = true;
  const announcements known = co_await leave_behind(g, c);
  CHECK(c.engine.fresh.knows_own());
  const access_list nobody;  // who asks has been admitted
  event_intake intake(g.events, c.engine.fresh, nobody);
  const std::string body =
      R"({"type":"Feature","id":"p","geometry":{"type":"Point","coordinates":[1,2]},"properties":{}})";
  const net::header_field type{"Content-Type", "application/geo+json"};
  net::http_request request;
  request.user = "phone";
  request.headers = std::span(&type, 1);
  request.body = body;
  request.deadline = runtime::steady_now() + 30s;
  CHECK((co_await intake.post(request)).status == 200);
  c.database->area_error = errc::unavailable;
  c.engine.fresh.settle(known, c.engine.fresh.applied(), runtime::steady_now());
  const auto r = co_await c.ask(city);
  CHECK(r.status == 503);
  CHECK_FALSE(r.retry_after.empty());
  c.database->area_error = errc{};
  c.database->log_held = false;
}

/// Until no cell of the city is fresh any more: what is tested is that time has passed.
awaitable<void> outlive_city(running_cache& c) {
  time_point over{};
  const auto kept = c.engine.areas.peek(read_event_request(city)->query.where, runtime::steady_now());
  REQUIRE(kept);
  for (const auto& f : *kept) over = std::max(over, f.from->fresh_until);
  co_await runtime::sleep_until(over);
}

awaitable<running_cache::reply> ask_until_fresh(running_cache& c) {
  running_cache::reply r;
  for (const auto end = runtime::steady_now() + 20s; runtime::steady_now() < end; co_await runtime::sleep_for(1ms)) {
    r = co_await c.ask(city);
    if (r.cache_status.find("stale") == std::string::npos) break;
  }
  co_return r;
}

awaitable<void> revalidated(geo_database& g, running_cache& c) {
  co_await put(g.events, {event_at("a", centre)});
  const auto fresh = co_await c.ask(city);
  const int queries = c.database->area_queries;
  co_await outlive_city(c);
  running_cache::reply r = co_await c.ask(city);
  CHECK(r.cache_status.find("hit; ttl=") != std::string::npos);
  CHECK(r.cache_status.find("detail=stale-while-revalidate") != std::string::npos);
  CHECK(r.body == fresh.body);
  // One refresh of each cell runs beside it, and then the answer is fresh again.
  CHECK(co_await eventually([&] { return c.database->area_queries > queries; }));
  r = co_await ask_until_fresh(c);
  CHECK(r.cache_status.find("hit; ttl=") != std::string::npos);
  CHECK(c.engine.loader.counts().refreshes > 0);
  CHECK(c.engine.desk.counts().misses > 0);
}

// What is being read again is not kept when anything is purged meanwhile, and the cell that stays is read once more.
awaitable<void> revalidated_after_purge(geo_database& g, running_cache& c) {
  co_await put(g.events, {event_at("a", centre)});
  REQUIRE((co_await c.ask(city)).status == 200);
  const int queries = c.database->area_queries;
  co_await outlive_city(c);
  c.database->held = true;
  CHECK((co_await c.ask(city)).cache_status.find("detail=stale-while-revalidate") != std::string::npos);
  CHECK(co_await eventually([&] { return c.database->area_queries > queries; }));
  c.engine.purge({geo::quad::of(geo::cell_of({100, 10}), 6)});
  c.database->held = false;
  const auto r = co_await ask_until_fresh(c);
  CHECK(r.status == 200);
  CHECK(r.cache_status.find("stale") == std::string::npos);
  CHECK(c.engine.loader.counts().refreshes >= 2);
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

}  // namespace

TEST_CASE("a fill that raced with an invalidation loses") { with_cache({}, &raced_fill); }

TEST_CASE("a stale window serves while the database is down, and 503 with Retry-After after it") {
  with_cache({.lifetimes = {60s, 1s, 5s}}, &outage);
}

TEST_CASE("while the follower is late nothing old is served, whatever fails") { with_cache({}, &late_follower); }
TEST_CASE("what another process committed last before the database was lost does not make all else unknown") {
  with_cache({}, &lost_before_it_was_read);
}

TEST_CASE("what a client was told is stored is not missing while the database is lost") {
  with_cache({}, &confirmed_here);
}

TEST_CASE("past its time a cell is served while one reading of it runs") {
  with_cache({.lifetimes = {300ms, 30s, 30s}}, &revalidated);
}

TEST_CASE("a cell whose refresh lost against a purge of other places is refreshed once more") {
  with_cache({.lifetimes = {300ms, 30s, 30s}}, &revalidated_after_purge);
}

TEST_CASE("a cell in use is read again before its time is over") {
  with_cache({.lifetimes = {300ms, 30s, 30s}}, &refreshed_ahead);
}
