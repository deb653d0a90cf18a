// Questions of a past time while their area changes: what one statement has read is not read again.
#include "cache_test.hpp"

#include <string>
#include <vector>

using namespace distsys;
using namespace distsys::tests;
using namespace distsys::roles::cache;
using namespace std::chrono_literals;

namespace {

constexpr const char* then = "&at=1970-01-01T01:00:00Z";

/// A question, and the endpoint that is asked.
struct question {
  std::string query;
  bool counts = false;
};

awaitable<void> ask_into(running_cache& c, question what, running_cache::reply& to) {
  to = what.counts ? co_await c.ask_count(what.query) : co_await c.ask(what.query);
}

/// How many statements the answer takes when a change of the area is applied while the first of them runs.
awaitable<int> reads_while_it_changes(geo_database& g, running_cache& c, question what) {
  const int before = c.database->past_reads;
  running_cache::reply answer;
  c.database->past_held = true;
  runtime::task_group asking;
  asking.spawn(g.loops.loop(1), ask_into(c, std::move(what), answer));
  CHECK(co_await eventually([&] { return c.database->past_reading > 0; }));
  static int n = 0;
  co_await put(g.events, {event_at("late " + std::to_string(++n), centre)});
  CHECK(co_await c.engine.fresh.catch_up(runtime::steady_now() + 5s));
  c.database->past_held = false;
  co_await asking.wait();
  CHECK(answer.status == 200);
  co_return c.database->past_reads - before;
}

awaitable<void> read_once(geo_database& g, running_cache& c) {
  co_await put(g.events, {event_at("a", centre), event_at("b", centre)});
  co_await c.engine.fresh.catch_up(runtime::steady_now() + 5s);
  const std::string near = "near=-33.45,-70.66&k=2";
  CHECK(co_await reads_while_it_changes(g, c, {city + std::string(then)}) == 1);
  CHECK(co_await reads_while_it_changes(g, c, {near + then}) == 1);
  CHECK(co_await reads_while_it_changes(g, c, {city + std::string(then), true}) == 1);
  // Each is as of its statement, which was let go after the change.
  CHECK((co_await c.ask_count(city + std::string(then))).body.find("\"total\":5,") != std::string::npos);
}

// A page of much, and how much there is: of two moments, unless it is read again.
awaitable<void> read_again(geo_database& g, running_cache& c) {
  std::vector<domain::geo::event> many;
  many.reserve(100);
  for (int i = 0; i < 100; ++i) many.push_back(event_at("e" + std::to_string(i), centre));
  co_await put(g.events, many);
  co_await c.engine.fresh.catch_up(runtime::steady_now() + 5s);
  const std::string page = city + std::string(then) + "&limit=1";
  const int before = c.database->past_reads;
  CHECK((co_await c.ask(page)).body.find("\"numberMatched\":100,") != std::string::npos);
  const int undisturbed = c.database->past_reads - before;
  REQUIRE(undisturbed > 1);
  co_await put(g.events, {event_at("another", centre)});
  co_await c.engine.fresh.catch_up(runtime::steady_now() + 5s);
  CHECK(co_await reads_while_it_changes(g, c, {page}) >= 2 * undisturbed);
}

}  // namespace

TEST_CASE("a question of the past that one statement answers is asked once, whatever changes") {
  with_cache({}, &read_once);
}

TEST_CASE("a question of the past that takes several is asked again when its area has changed") {
  with_cache({}, &read_again);
}
