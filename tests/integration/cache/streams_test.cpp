// What an event stream tells: what the follower has applied, and whether a gap can be told.
#include "cache_fixture.hpp"

#include "roles/cache/stream_handler.hpp"
#include "roles/cache/stream_teller.hpp"

#include <exception>

using namespace distsys;
using namespace distsys::tests;
using namespace distsys::roles::cache;
using namespace std::chrono_literals;
namespace geo = distsys::domain::geo;

namespace {

const ports::call_context context = ports::call_context::within(5min);

/// A client that hangs up when it has read something.
class reader final : public net::body_stream {
 public:
  explicit reader(std::string until) : until_(std::move(until)) {}
  awaitable<result<void>> write(std::string_view bytes) override {
    text += bytes;
    if (text.find(until_) != std::string::npos) co_return error{errc::unavailable, "gone"};
    co_return result<void>{};
  }
  std::string text;

 private:
  std::string until_;
};

struct streams {
  explicit streams(geo_database& g) : cache(g.database, {}), handler(g.events, cache.engine.streams) {}

  awaitable<void> start(executor where) {
    co_await cache.start(where);
    telling.spawn(where, teller.run());
  }
  awaitable<void> stop() {
    telling.cancel();
    co_await telling.wait();
    co_await cache.stop();
  }
  /// What a stream that is resumed after `id` says until it has said `until`.
  awaitable<std::string> read(std::string id, std::string until) {
    const net::header_field fields[] = {{"Last-Event-ID", id}};
    net::http_request request;
    if (!id.empty()) request.headers = fields;
    const auto answer = co_await handler.open(request);
    reader to(std::move(until));
    co_await std::get<net::stream_function>(answer.body)(to);
    co_return to.text;
  }

  running_cache cache;
  stream_handler handler;
  stream_teller teller{cache.engine.events, cache.engine.fresh, cache.engine.streams};
  runtime::task_group telling;
};

using stream_test = awaitable<void> (*)(geo_database&, streams&);

awaitable<void> run_with_streams(geo_database& g, stream_test test) {
  streams s(g);
  co_await s.start(g.loops.loop(1));
  std::exception_ptr failed;
  try {
    co_await test(g, s);
  } catch (...) {
    failed = std::current_exception();
  }
  s.cache.database->log_held = false;
  co_await s.stop();
  if (failed) std::rethrow_exception(failed);
}

void with_streams(stream_test test) {
  with_geo_database([test](geo_database& g) { return run_with_streams(g, test); });
}

awaitable<void> read_into(streams& s, std::string id, std::string until, std::string& text) {
  text = co_await s.read(std::move(id), std::move(until));
}

awaitable<void> applied(geo_database& g, streams& s) {
  const auto last = (co_await g.events.last_sequence(context)).value();
  CHECK(co_await s.cache.engine.fresh.catch_up_to(last, runtime::steady_now() + 20s));
}

awaitable<void> told_live(geo_database& g, streams& s) {
  std::string text;
  runtime::task_group reading;
  reading.spawn(g.loops.loop(2), read_into(s, "", "\"id\":\"b\"", text));
  while (s.cache.engine.streams.streams() == 0) co_await runtime::sleep_for(1ms);
  co_await put(g.events, {event_at("a", {1, 2})});
  co_await put(g.events, {event_at("b", {1, 2})});
  co_await reading.wait();
  CHECK(text.find("event: hello") != std::string::npos);
  CHECK(text.find("\"id\":\"a\"") < text.find("\"id\":\"b\""));
}

awaitable<void> resumed(geo_database& g, streams& s) {
  co_await put(g.events, {event_at("a", {1, 2})});
  co_await put(g.events, {event_at("b", {1, 2})});
  co_await applied(g, s);
  const std::string text = co_await s.read("1", "\"id\":\"b\"");
  CHECK(text.find("event: reset") == std::string::npos);
  CHECK(text.find("\"id\":\"a\"") == std::string::npos);
  CHECK(text.find("event: appeared") != std::string::npos);
}

awaitable<void> deleted_in_the_gap(geo_database& g, streams& s) {
  co_await put(g.events, {event_at("a", {1, 2})});
  const auto before = (co_await g.events.last_sequence(context)).value();
  (co_await g.events.end(context, "sim", {"a"}, next_observation())).value();
  const auto ended = (co_await g.events.last_sequence(context)).value();
  co_await put(g.events, {event_at("b", {1, 2})});
  const auto later = next_observation() + 1h;
  REQUIRE((co_await g.events.prune(context, {.ended_before = later}, 1000)).value() > 0);
  co_await put(g.events, {event_at("c", {1, 2})});
  co_await applied(g, s);
  const std::string lost = co_await s.read(std::to_string(before), "event: reset");
  CHECK(lost.find("event: reset") != std::string::npos);
  // From the end of what was deleted on nothing is missing.
  const std::string whole = co_await s.read(std::to_string(ended), "\"id\":\"c\"");
  CHECK(whole.find("event: reset") == std::string::npos);
  CHECK(whole.find("\"id\":\"b\"") != std::string::npos);
}

}  // namespace

TEST_CASE("a stream tells changes in their order") { with_streams(&told_live); }

TEST_CASE("a stream that is resumed tells what it has missed") { with_streams(&resumed); }

TEST_CASE("a stream whose gap retention has thinned says reset") { with_streams(&deleted_in_the_gap); }
