// What the second layer promises: two caches of one database that share what they read through a store.
#include "cache_test.hpp"

#include <exception>
#include <mutex>
#include <string>
#include <vector>

using namespace distsys;
using namespace distsys::tests;
using namespace distsys::roles::cache;
using namespace std::chrono_literals;
namespace geo = distsys::domain::geo;

namespace {

constexpr auto short_life = 100ms;

struct sharing {
  geo_database& g;
  switched_store& store;
  running_cache &a, &b;  // a beside the writer, b as another process has its own
};

using sharing_test = awaitable<void> (*)(sharing&);

awaitable<void> run_with_two(geo_database& g, std::string address, engine_settings settings, engine_settings of_b,
                             sharing_test test) {
  const auto inner = open_store(g.loops, "memory:");
  const auto store = std::make_shared<switched_store>(inner);
  const auto elsewhere = open_database(g.loops, address);
  running_cache a(g.database, settings, store), b(elsewhere, of_b, store);
  co_await a.start(g.loops.loop(0));
  co_await b.start(g.loops.loop(1));
  sharing s{g, *store, a, b};
  std::exception_ptr failed;
  try {
    co_await test(s);
  } catch (...) {
    failed = std::current_exception();
  }
  a.database->held = b.database->log_held = false;
  co_await b.stop();
  co_await a.stop();
  co_await elsewhere->close();
  co_await inner->close();
  if (failed) std::rethrow_exception(failed);
}

void with_two(const engine_settings& settings, const engine_settings& of_b, sharing_test test) {
  on_each_database([&](runtime::runtime& loops, const std::string& address) {
    return run_with_database(loops, address, [address, settings, of_b, test](geo_database& g) {
      return run_with_two(g, address, settings, of_b, test);
    });
  });
}

void with_two(const engine_settings& settings, sharing_test test) { with_two(settings, settings, test); }

/// Stores events, and waits until both caches know.
awaitable<void> put_and_wait(sharing& s, std::vector<geo::event> events) {
  co_await put(s.g.events, std::move(events));
  const ports::call_context context = ports::call_context::within(30s);
  const std::int64_t last = (co_await s.g.events.last_sequence(context)).value();
  for (running_cache* c : {&s.a, &s.b}) CHECK(co_await c->engine.fresh.catch_up_to(last, runtime::steady_now() + 20s));
}

/// The first cache reads the area, and all of it is in the store.
awaitable<std::string> fill(sharing& s, const char* query = city) {
  const auto first = co_await s.a.ask(query);
  CHECK(first.cache_status == "distsys; fwd=miss; stored");
  CHECK(co_await eventually([&] { return s.store.stored > 0 && s.a.engine.shared->waiting() == 0; }));
  co_return first.body;
}

awaitable<void> taken_from_the_store(sharing& s) {
  co_await put_and_wait(s, {event_at("a", centre), event_at("b", {centre.lon + 0.02, centre.lat})});
  const std::string body = co_await fill(s);
  const auto second = co_await s.b.ask(city);
  CHECK(second.body == body);
  CHECK(second.cache_status.starts_with("distsys; hit; ttl="));
  CHECK(second.cache_status.ends_with("; detail=shared"));
  CHECK(s.b.database->area_queries == 0);
  const auto third = co_await s.b.ask(std::string(city) + "&kind=jam");  // from what it keeps now itself
  CHECK(third.cache_status.ends_with("; detail=cells"));
  CHECK(s.store.questions == 2);
}

awaitable<void> empty_and_split(sharing& s) {
  std::vector<geo::event> many;
  many.reserve(20);
  for (int i = 0; i < 20; ++i) many.push_back(event_at("e" + std::to_string(i), {centre.lon + 1e-3 * i, centre.lat}));
  co_await put_and_wait(s, many);
  const char* desert = "lat=-24&lon=-69&radius=5";
  const std::string crowded = co_await fill(s), empty = co_await fill(s, desert);
  co_await s.a.ask(std::string(city) + "&kind=jam");
  CHECK(s.a.engine.loader.counts().splits > 0);  // counted when they are met again
  CHECK((co_await s.b.ask(city)).body == crowded);
  CHECK((co_await s.b.ask(desert)).body == empty);
  CHECK(s.b.database->area_queries == 0);
}

// What is split for one is not for the other.
awaitable<void> of_other_sizes(sharing& s) {
  std::vector<geo::event> many;
  many.reserve(20);
  for (int i = 0; i < 20; ++i) many.push_back(event_at("e" + std::to_string(i), {centre.lon + 1e-3 * i, centre.lat}));
  co_await put_and_wait(s, many);
  const std::string body = co_await fill(s);
  const auto now = co_await s.b.ask(city);
  CHECK(now.body == body);
  CHECK(now.cache_status == "distsys; fwd=miss; stored");
}

awaitable<void> changed_since(sharing& s) {
  co_await put_and_wait(s, {event_at("a", centre)});
  const std::string old = co_await fill(s);
  co_await put_and_wait(s, {event_at("a", {10, 50})});  // it leaves
  const auto outdated = s.b.engine.shared->counts().outdated;
  const auto now = co_await s.b.ask(city);
  CHECK(now.body != old);
  CHECK(now.body.find("\"numberMatched\":0,") != std::string::npos);
  CHECK(now.cache_status == "distsys; fwd=partial; stored");  // where nothing has changed the store is right
  CHECK(s.b.engine.shared->counts().outdated > outdated);
}

// Whoever the database does not wake hears of changes from who was woken.
awaitable<void> told_by_the_other(sharing& s) {
  auto& heard = metrics::get_counter("distsys_cache_peer_messages_total", "", {{"what", "heard"}});
  const auto before = heard.value();
  s.b.database->deaf = true;
  for (int n = 0; n < 100 && heard.value() == before; ++n)  // b also looks by itself, once a second
    co_await put_and_wait(s, {event_at("e" + std::to_string(n), centre)});
  CHECK(heard.value() > before);
}

// What comes over the store is not believed.
awaitable<void> told_nonsense(sharing& s) {
  const std::string channel = "distsys:geo:changes:" + s.a.engine.shared->database();
  const ports::call_context context = ports::call_context::within(20s);
  for (const char* message : {"", "nonsense", "-5", "9223372036854775807", "99999999999999999999", "12x"})
    CHECK(co_await s.store.publish(context, channel, message));
  co_await put_and_wait(s, {event_at("a", centre)});
  co_await put_and_wait(s, {event_at("b", centre)});
  CHECK((co_await s.b.ask(city)).body.find("\"numberMatched\":2,") != std::string::npos);
  auto& heard = metrics::get_counter("distsys_cache_peer_messages_total", "", {{"what", "heard"}});
  const auto before = heard.value();
  s.b.database->deaf = true;
  for (int n = 0; n < 100 && heard.value() == before; ++n)
    co_await put_and_wait(s, {event_at("e" + std::to_string(n), centre)});
  CHECK(heard.value() > before);
}

// What is announced and not applied yet cannot be judged by what has been applied.
awaitable<void> announced_only(sharing& s) {
  co_await put_and_wait(s, {event_at("a", centre)});
  const std::string old = co_await fill(s);
  s.b.database->log_held = true;
  const auto before = s.b.engine.fresh.announced();
  co_await put(s.g.events, {event_at("b", centre)});
  CHECK(co_await eventually([&] { return s.b.engine.fresh.announced() > before; }));
  const int questions = s.store.questions;
  const auto now = co_await s.b.ask(city);
  CHECK(now.body != old);
  CHECK(now.cache_status.starts_with("distsys; fwd=stale"));
  CHECK(s.store.questions == questions);
}

awaitable<void> away(sharing& s) {
  co_await put_and_wait(s, {event_at("a", centre)});
  const std::string body = co_await fill(s);
  s.store.down = true;
  const auto without = co_await s.b.ask(city);
  CHECK(without.body == body);
  CHECK(without.cache_status == "distsys; fwd=miss; stored; detail=kv-store-unavailable");
  s.store.down = false;
  CHECK((co_await s.b.ask("lat=10&lon=10&radius=5")).cache_status == "distsys; fwd=miss; stored");
}

awaitable<void> read_tomorrow(sharing& s) {
  co_await put_and_wait(s, {event_at("a", centre)});
  const std::string body = co_await fill(s);
  const auto outdated = s.b.engine.shared->counts().outdated;
  s.store.ahead = 1h;
  const auto now = co_await s.b.ask(city);
  CHECK(now.body == body);
  CHECK(now.cache_status == "distsys; fwd=miss; stored");
  CHECK(s.b.engine.shared->counts().outdated > outdated);
}

// What is valid for longer where it was read than where it is asked for.
awaitable<void> too_old_here(sharing& s) {
  co_await put_and_wait(s, {event_at("a", centre)});
  const std::string body = co_await fill(s);
  const auto before = s.b.engine.shared->counts();
  co_await runtime::sleep_for(3 * short_life);  // two lives, and what chance adds to one
  const auto now = co_await s.b.ask(city);
  CHECK(now.body == body);
  CHECK(now.cache_status.find("fwd=") != std::string::npos);
  CHECK(s.b.engine.shared->counts().hits == before.hits);
  CHECK(s.b.engine.shared->counts().outdated > before.outdated);
}

// A failover that loses commits.
awaitable<void> gone_back(sharing& s) {
  co_await put_and_wait(s, {event_at("a", centre)});
  const ports::call_context context = ports::call_context::within(30s);
  const std::string kept = std::to_string((co_await s.g.events.last_sequence(context)).value());
  co_await put_and_wait(s, {event_at("b", centre)});
  const std::string body = co_await fill(s);
  CHECK((co_await s.b.ask(city)).body == body);
  ports::batch lost;
  lost.push_back({.sql = "DELETE FROM geo_events WHERE id = 'b'"});
  lost.push_back({.sql = "DELETE FROM geo_event_changes WHERE sequence > " + kept});
  (co_await s.g.database->execute(context, std::move(lost))).value();
  for (running_cache* c : {&s.a, &s.b}) {
    CHECK(co_await eventually([&] { return c->engine.fresh.applied() == std::stoll(kept); }));
    CHECK((co_await c->ask(city)).body.find("\"numberMatched\":1,") != std::string::npos);
  }
}

awaitable<void> out_of_memory(sharing& s) {
  co_await put_and_wait(s, {event_at("a", centre)});
  const std::string body = co_await fill(s);
  const auto failed = s.b.engine.shared->counts().failed;
  s.store.throws = true;
  const auto now = co_await s.b.ask(city);
  CHECK(now.body == body);
  CHECK(now.cache_status == "distsys; fwd=miss; stored");
  CHECK(co_await eventually([&] { return s.b.engine.shared->waiting() == 0; }));
  CHECK(s.b.engine.shared->counts().failed > failed);
}

awaitable<void> damaged(sharing& s) {
  co_await put_and_wait(s, {event_at("a", centre)});
  const std::string body = co_await fill(s);
  s.store.damaging = true;
  const auto corrupt = s.b.engine.shared->counts().corrupt;
  const auto now = co_await s.b.ask(city);
  CHECK(now.body == body);
  CHECK(now.cache_status == "distsys; fwd=miss; stored");
  CHECK(s.b.engine.shared->counts().corrupt > corrupt);
}

awaitable<void> purged(sharing& s) {
  co_await put_and_wait(s, {event_at("a", centre)});
  const std::string body = co_await fill(s);
  s.b.engine.purge();
  const auto now = co_await s.b.ask(city);
  CHECK(now.body == body);
  CHECK(now.cache_status == "distsys; fwd=miss; stored");
}

awaitable<void> thousand(sharing& s) {
  co_await put_and_wait(s, {event_at("a", centre)});
  std::vector<running_cache::reply> replies;
  std::mutex mutex;
  const auto before = s.a.engine.loader.counts().coalesced;
  s.a.database->held = true;
  runtime::task_group asking;
  for (unsigned i = 0; i < 1000; ++i)
    asking.spawn(s.g.loops.loop(i % 4),
                 ask_into(s.a, "bbox=-70.661,-33.451,-70.659,-33.449&limit=" + std::to_string(i + 1), replies, mutex));
  CHECK(co_await eventually(
      [&] { return s.a.engine.loader.counts().coalesced - before >= 999 && s.a.database->area_queries > 0; }));
  s.a.database->held = false;
  co_await asking.wait();
  CHECK(replies.size() == 1000);
  for (const auto& r : replies) CHECK(r.body.find("\"numberMatched\":1,") != std::string::npos);
  CHECK(s.store.questions == 1);
  CHECK(s.a.database->area_queries == 1);
}

}  // namespace

TEST_CASE("what one cache has read another takes from the store") { with_two({}, &taken_from_the_store); }

TEST_CASE("empty and split cells are shared, too") { with_two({.cell_events = 8}, &empty_and_split); }

TEST_CASE("caches that split cells at other sizes do not share") { with_two({.cell_events = 8}, {}, &of_other_sizes); }

TEST_CASE("what a change has touched since is not taken from the store") { with_two({}, &changed_since); }

TEST_CASE("while a change is announced and not known the store is not asked") { with_two({}, &announced_only); }

TEST_CASE("a store that is away is said, and used when it is back") { with_two({}, &away); }

TEST_CASE("a cache that its database does not wake hears of changes from another") { with_two({}, &told_by_the_other); }

TEST_CASE("wrong messages between caches do no harm") { with_two({}, &told_nonsense); }

TEST_CASE("what a clock ahead has stored waits until it is past") { with_two({}, &read_tomorrow); }

TEST_CASE("what is too old for the cache that asks is no hit") {
  engine_settings brief;
  brief.lifetimes.ttl = short_life;
  with_two({}, brief, &too_old_here);
}

TEST_CASE("a log that has gone back is noticed, and nothing kept is believed") { with_two({}, &gone_back); }

TEST_CASE("a store that throws costs its help and nothing else") { with_two({}, &out_of_memory); }

TEST_CASE("damaged bytes in the store are a miss") { with_two({}, &damaged); }

TEST_CASE("after a purge the store is not believed") { with_two({}, &purged); }

TEST_CASE("a thousand misses of one cell are one question to the store and one to the database") {
  with_two({}, &thousand);
}
