#include "roles/cache/answer.hpp"

#include "distsys/foundation/json.hpp"
#include "roles/cache/page.hpp"
#include "roles/cache/stream_hub.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace distsys;
using namespace distsys::roles::cache;
using namespace std::chrono_literals;
namespace geo = distsys::domain::geo;

namespace {

constexpr const char* feature =
    R"({"type":"Feature","id":"sim/1","geometry":{"type":"Point","coordinates":[1,2]},"properties":{"kind":"jam"}})";

geo::change change_at(geo::change_kind kind, geo::position at, std::optional<geo::position> previous = {}) {
  geo::change c;
  c.sequence = 7;
  c.kind = kind;
  c.source = "sim";
  c.id = "1";
  c.at = at;
  c.previous = previous;
  c.feature = feature;
  return c;
}

}  // namespace

TEST_CASE("a page becomes a FeatureCollection") {
  geo::event_page page;
  SECTION("empty") {
    page.matched = 0;
    CHECK(collection_of(page) == R"({"type":"FeatureCollection","numberMatched":0,"numberReturned":0,"features":[]})");
  }
  SECTION("with more to come, uncounted") {
    page.features = {feature, feature};
    page.next_cursor = "a\"b";
    const auto parsed = json::parse(collection_of(page));
    REQUIRE(parsed.has_value());
    const json::object& o = parsed->get_object();
    CHECK_FALSE(o.contains("numberMatched"));
    CHECK(json::get_integer(o, "numberReturned") == 2);
    CHECK(json::get_string(o, "nextCursor") == "a\"b");
    CHECK(json::get_array(o, "features")->size() == 2);
  }
}

TEST_CASE("one event comes with its history") {
  geo::event_history h;
  h.feature = feature;
  h.ended = true;
  h.changes = {change_at(geo::change_kind::appeared, {1, 2}), change_at(geo::change_kind::ended, {1, 2})};
  const auto parsed = json::parse(feature_with_history(h));
  REQUIRE(parsed.has_value());
  const json::object& o = parsed->get_object();
  CHECK(json::get_string(o, "type") == "Feature");
  CHECK(json::get_bool(o, "ended") == true);
  REQUIRE(json::get_array(o, "history")->size() == 2);
  CHECK(json::get_string(json::get_array(o, "history")->at(1).get_object(), "change") == "ended");
}

TEST_CASE("the head of an answer says its tag and how long it may be kept by those who hear of no changes") {
  const std::string head = head_of("x", {2s, 600s});
  CHECK(head.find("Content-Type: application/geo+json\r\n") == 0);
  CHECK(head.find("Cache-Control: public, max-age=2, stale-while-revalidate=2, stale-if-error=600\r\n") !=
        std::string::npos);
  CHECK(head_of("x", {2s, 0s}).find("stale-if-error") == std::string::npos);
  CHECK(head_of("x", {999ms, 600s}).find("Cache-Control: no-cache\r\n") != std::string::npos);
  CHECK(head_of("x", {2s, 600s}) == head);
  CHECK(head_of("y", {2s, 600s}) != head);
}

TEST_CASE("a stream sees what enters its box appear, and what leaves it end") {
  stream_filter box;
  box.everywhere = false;
  box.where = {0, 0, 10, 10};
  using enum geo::change_kind;
  const auto seen = [&](const geo::change& c) { return seen_through(box, *make_stream_event(c)); };
  CHECK(seen(change_at(appeared, {5, 5})) == appeared);
  CHECK(seen(change_at(appeared, {50, 5})) == std::nullopt);
  CHECK(seen(change_at(changed, {5, 5})) == changed);
  CHECK(seen(change_at(changed, {5, 5}, geo::position{50, 5})) == appeared);
  CHECK(seen(change_at(changed, {50, 5}, geo::position{5, 5})) == ended);
  CHECK(seen(change_at(changed, {50, 5}, geo::position{60, 5})) == std::nullopt);
  CHECK(seen(change_at(ended, {5, 5})) == ended);
  box.kinds = {"hazard"};
  CHECK(seen(change_at(appeared, {5, 5})) == std::nullopt);
}

TEST_CASE("a change is a Server-Sent Event with its sequence as id") {
  std::string out;
  append_message(out, geo::change_kind::appeared, change_at(geo::change_kind::appeared, {1, 2}));
  CHECK(out == std::string("id: 7\nevent: appeared\ndata: ") + feature + "\n\n");
}

namespace {

std::vector<geo::change> changes(std::int64_t first, std::int64_t count) {
  std::vector<geo::change> all;
  for (std::int64_t i = 0; i < count; ++i) {
    all.push_back(change_at(geo::change_kind::changed, {1, 2}));
    all.back().sequence = first + i;
  }
  return all;
}

}  // namespace

TEST_CASE("the hub bounds its streams and each one's queue") {
  boost::asio::io_context loop;
  stream_hub hub(2, 2);
  const asio::ip::address client = asio::ip::make_address("203.0.113.9");
  CHECK(hub.skip_to(41));
  auto slow = hub.subscribe({}, loop.get_executor(), client).taken;
  REQUIRE(slow);
  CHECK(slow->since() == 41);
  auto other = hub.subscribe({}, loop.get_executor(), client).taken;
  CHECK(hub.subscribe({}, loop.get_executor(), client).why == stream_places::full::in_all);
  other.reset();
  CHECK(hub.streams() == 1);
  CHECK(hub.subscribe({}, loop.get_executor(), client).taken != nullptr);

  CHECK_FALSE(hub.skip_to(50));  // there is somebody to tell
  // Those that had been told when the stream began, and those that may not be told yet, are left out.
  hub.publish(changes(40, 4), 42);
  auto taken = slow->take();
  REQUIRE(taken.events.size() == 1);
  CHECK(taken.events.front()->what.sequence == 42);
  CHECK_FALSE(taken.dropped);
  CHECK(hub.told() == 42);
  hub.publish(changes(43, 5000), 5042);
  taken = slow->take();
  CHECK(taken.dropped);
  CHECK(taken.events.empty());
}

TEST_CASE("streams are told that the log has gone back") {
  asio::io_context loop;
  stream_hub hub(1, 1);
  CHECK(hub.skip_to(41));
  const auto s = hub.subscribe({}, loop.get_executor(), asio::ip::make_address("::1")).taken;
  REQUIRE(s);
  hub.publish(changes(42, 3), 44);
  hub.go_back_to(30);
  CHECK(hub.told() == 30);
  hub.publish(changes(31, 1), 31);
  const auto next = s->take();
  CHECK(next.reset == 30);
  REQUIRE(next.events.size() == 1);
  CHECK(next.events.front()->what.sequence == 31);
  CHECK_FALSE(s->take().reset);
}

TEST_CASE("a tile URL cannot widen the page's policy") {
  const auto ok = [](std::string url) { return static_cast<bool>(check({std::move(url), ""})); };
  CHECK(ok(""));
  CHECK(ok("https://tile.example/{z}/{x}/{y}.png"));
  CHECK(ok("https://{s}.tile.example:8443/{z}/{x}/{y}.png?key=1"));
  for (const char* bad : {"tile.example/{z}/{x}/{y}.png", "ftp://tile.example/{z}/{x}/{y}", "https://tile.example/",
                          "https://a; script-src *;/{z}/{x}/{y}", "https:///{z}/{x}/{y}", "https://u@h/{z}/{x}/{y}",
                          "https://{x}.example/{z}/{x}/{y}", "https://*.example/{z}/{x}/{y}",
                          "https://a.example/{z}/{x}/{y} 'unsafe-inline'", "https://{s}/{z}/{x}/{y}"}) {
    INFO(bad);
    CHECK_FALSE(ok(bad));
  }
}

TEST_CASE("every file that the page refers to is compiled in") {
  for (const char* name : {"index.html", "map.js", "map.css", "leaflet.js", "leaflet.css", "basemap.json"}) {
    const auto files = assets();
    INFO(name);
    CHECK(std::any_of(files.begin(), files.end(), [&](const asset& f) { return f.name == name && !f.bytes.empty(); }));
  }
}

TEST_CASE("a stream's queue is bounded by bytes too") {
  asio::io_context loop;
  stream_hub hub(1, 1);
  const auto s = hub.subscribe({}, loop.get_executor(), asio::ip::make_address("::1")).taken;
  REQUIRE(s);
  geo::change big = change_at(geo::change_kind::appeared, {1, 2});
  big.feature = std::string(100'000, ' ');
  const auto publish = [&](int count) {
    for (int i = 0; i < count; ++i) {
      big.sequence = hub.told() + 1;
      hub.publish({big}, big.sequence);
    }
  };
  publish(30);
  CHECK_FALSE(s->take().dropped);
  publish(60);
  const auto last = s->take();
  CHECK(last.dropped);
  CHECK(last.events.empty());
}

TEST_CASE("places are counted by address, of IPv6 by network") {
  using full = stream_places::full;
  const auto at = [](const char* text) { return asio::ip::make_address(text); };
  stream_places places(4, 2);
  auto a = places.take(at("203.0.113.9"));
  {
    const auto b = places.take(at("::ffff:203.0.113.9"));
    CHECK(b.why == full::no);
    CHECK(places.take(at("203.0.113.9")).why == full::address);
    CHECK(places.taken() == 2);
  }
  const auto c = places.take(at("2001:db8::1")), d = places.take(at("2001:db8::2"));
  CHECK(d.why == full::no);
  CHECK(places.take(at("2001:db8::3")).why == full::address);
  const auto e = places.take(at("2001:db8:0:1::3"));
  CHECK(e.why == full::no);
  CHECK(places.take(at("203.0.113.10")).why == full::in_all);
  CHECK(places.taken() == 4);
}
