#include "geo_database.hpp"

#include "distsys/domain/geo/codecs.hpp"
#include "distsys/foundation/text.hpp"
#include "tests/unit/domain/shared_data.hpp"

#include <set>

using namespace distsys;
using namespace distsys::domain::geo;
using namespace std::chrono_literals;
using distsys::tests::geo_database;
using distsys::tests::second;
using distsys::tests::seen_at;
using distsys::tests::with_geo_database;

namespace {

const ports::call_context context;

event made(std::string id, position at, std::string text = "") {
  event e;
  e.source = "test";
  e.id = std::move(id);
  e.kind = "hazard";
  e.at = at;
  e.text = std::move(text);
  return e;
}

std::string counts(const result<store_outcome>& o) {
  if (!o) return o.error().what();
  return "added " + std::to_string(o->added) + " changed " + std::to_string(o->changed) + " unchanged " +
         std::to_string(o->unchanged) + " older " + std::to_string(o->older) + " ended " + std::to_string(o->ended);
}

std::string kinds(const std::vector<change>& changes) {
  std::string out;
  for (const auto& c : changes) out += std::string(out.empty() ? "" : " ") + std::string(name(c.kind));
  return out;
}

awaitable<event_page> all(event_repository& events) { co_return (co_await events.find(context, {})).value(); }

awaitable<void> life_of_an_event(geo_database& g) {
  auto& r = g.events;
  CHECK(counts(co_await r.store(context, seen_at(10, {made("a", {1, 2}, "one"), made("b", {3, 4})}))) ==
        "added 2 changed 0 unchanged 0 older 0 ended 0");
  CHECK(counts(co_await r.store(context, seen_at(10, {made("a", {1, 2}, "one")}))) ==
        "added 0 changed 0 unchanged 1 older 0 ended 0");
  CHECK(counts(co_await r.store(context, seen_at(20, {made("a", {1.5, 2}, "two"), made("b", {3, 4})}))) ==
        "added 0 changed 1 unchanged 1 older 0 ended 0");
  CHECK(counts(co_await r.store(context, seen_at(15, {made("a", {9, 9}, "late")}))) ==
        "added 0 changed 0 unchanged 0 older 1 ended 0");
  CHECK(counts(co_await r.end(context, "test", {"a", "nobody"}, second(19))) ==
        "added 0 changed 0 unchanged 0 older 1 ended 0");
  CHECK(counts(co_await r.end(context, "test", {"a", "a"}, second(30))) ==
        "added 0 changed 0 unchanged 0 older 0 ended 1");
  CHECK(counts(co_await r.end(context, "test", {"a"}, second(30))) == "added 0 changed 0 unchanged 1 older 0 ended 0");
  CHECK((co_await all(r)).features == std::vector{to_feature(made("b", {3, 4}))});
  CHECK(counts(co_await r.store(context, seen_at(30, {made("a", {1.5, 2}, "two")}))) ==
        "added 0 changed 0 unchanged 0 older 1 ended 0");
  const auto ended = (co_await r.find_one(context, "test", "a")).value();
  CHECK(ended.ended);
  CHECK(ended.feature == to_feature(made("a", {1.5, 2}, "two")));
  CHECK(counts(co_await r.store(context, seen_at(40, {made("a", {1.5, 2}, "three")}))) ==
        "added 1 changed 0 unchanged 0 older 0 ended 0");
  CHECK((co_await all(r)).matched == 2);

  const auto history = (co_await r.find_one(context, "test", "a")).value();
  CHECK_FALSE(history.ended);
  CHECK(kinds(history.changes) == "appeared changed ended appeared");
  REQUIRE(history.changes.size() == 4);
  const auto& c = history.changes;
  CHECK(c[0].feature == to_feature(made("a", {1, 2}, "one")));
  CHECK(c[1].feature == to_feature(made("a", {1.5, 2}, "two")));
  CHECK(c[1].previous == position{1, 2});
  CHECK(c[1].at == position{1.5, 2});
  CHECK(c[1].observed == second(20));
  CHECK(c[2].feature == c[1].feature);
  CHECK(c[3].feature == to_feature(made("a", {1.5, 2}, "three")));
  CHECK_FALSE(c[3].previous.has_value());

  const auto changes = (co_await r.changes_after(context, 0, 100)).value();
  CHECK(kinds(changes) == "appeared appeared changed ended appeared");
  for (std::size_t i = 0; i < 4; ++i) {
    const auto& same =
        *std::find_if(changes.begin(), changes.end(), [&](const change& x) { return x.sequence == c[i].sequence; });
    CHECK(same.feature == c[i].feature);
    CHECK(same.id == "a");
    CHECK(same.previous == c[i].previous);
  }
  const auto last = (co_await r.last_sequence(context)).value();
  CHECK(last == changes.back().sequence);
  CHECK((co_await r.changes_after(context, last, 100))->empty());
  CHECK((co_await r.changes_after(context, 0, 2))->size() == 2);
  CHECK((co_await r.find_one(context, "test", "nobody")).error() == errc::not_found);
  const auto by_kind = (co_await r.count_by_kind(context)).value();
  CHECK(by_kind == std::vector<std::pair<std::string, std::uint64_t>>{{"hazard", 2}});
}

awaitable<void> arrival_order_never_matters(geo_database& g) {
  // Two observations of one time, in either order: the same one stays.
  const auto x = made("x", {1, 1}, "first"), y = made("x", {2, 2}, "second");
  auto x2 = x, y2 = y;
  x2.id = y2.id = "x2";
  co_await g.events.store(context, seen_at(1, {x}));
  co_await g.events.store(context, seen_at(1, {y}));
  co_await g.events.store(context, seen_at(1, {y2}));
  co_await g.events.store(context, seen_at(1, {x2}));
  const auto one = (co_await g.events.find_one(context, "test", "x")).value();
  const auto two = (co_await g.events.find_one(context, "test", "x2")).value();
  // The content hash of x and x2 differs by their ids, so only stability is promised: storing all again changes
  // nothing.
  for (const auto& e : {x, y, x2, y2}) {
    const auto o = co_await g.events.store(context, seen_at(1, {e}));
    CHECK(o->changed == 0);
    CHECK(o->added == 0);
  }
  CHECK((co_await g.events.find_one(context, "test", "x"))->feature == one.feature);
  CHECK((co_await g.events.find_one(context, "test", "x2"))->feature == two.feature);
  // The later `updated` wins at equal times.
  auto older = made("u", {1, 1}), newer = made("u", {1, 1}, "newer");
  older.updated = second(1);
  newer.updated = second(2);
  co_await g.events.store(context, seen_at(5, {newer}));
  CHECK((co_await g.events.store(context, seen_at(5, {older})))->older == 1);
}

awaitable<void> other_names(geo_database& g) {
  auto quake = made("nn1", {1, 1});
  quake.aliases = {"zz9"};
  co_await g.events.store(context, seen_at(1, {quake}));
  CHECK((co_await g.events.find_one(context, "test", "zz9")).has_value());

  // The source now prefers another id of the same event.
  auto renamed = made("nc2", {1, 1});
  renamed.aliases = {"nn1", "zz9"};
  CHECK(counts(co_await g.events.store(context, seen_at(2, {renamed}))) ==
        "added 0 changed 1 unchanged 0 older 0 ended 0");
  CHECK((co_await all(g.events)).features == std::vector{to_feature(renamed)});
  for (const auto* id : {"nn1", "nc2", "zz9"}) {
    const auto found = co_await g.events.find_one(context, "test", id);
    REQUIRE(found);
    CHECK(found->feature == to_feature(renamed));
    CHECK(found->changes.size() == 2);
  }
  // An old answer still uses the old id: it is older, not new.
  CHECK((co_await g.events.store(context, seen_at(1, {quake})))->older == 1);
  CHECK((co_await all(g.events)).matched == 1);
  // Both in one answer are two events.
  auto other = made("ab3", {2, 2});
  other.aliases = {"nc2"};
  CHECK(counts(co_await g.events.store(context, seen_at(3, {renamed, other}))) ==
        "added 1 changed 0 unchanged 1 older 0 ended 0");
}

// Runs on every loop, and Catch2's macros are for one thread: failures are counted.
awaitable<void> store_again_and_again(event_repository& events, std::atomic<std::size_t>* added,
                                      std::atomic<int>* failures) {
  for (int round = 0; round < 10; ++round) {
    std::vector<event> list;
    for (int i = 0; i < 200; ++i) list.push_back(made("e" + std::to_string(i), {i / 10.0, 1}, std::to_string(round)));
    const auto o = co_await events.store(context, seen_at(round, std::move(list)));
    if (o) {
      *added += o->added;
    } else {
      ++*failures;
    }
  }
}

awaitable<void> writers_at_once(geo_database& g) {
  std::atomic<std::size_t> added{0};
  std::atomic<int> failures{0};
  runtime::task_group group;
  for (unsigned w = 0; w < 4; ++w) group.spawn(g.loops.loop(w), store_again_and_again(g.events, &added, &failures));
  co_await group.wait();
  CHECK(failures == 0);
  CHECK(added == 200);
  CHECK((co_await all(g.events)).matched == 200);
  // Every event's history ends in the last round, ascends, and holds no round twice.
  for (int i = 0; i < 200; i += 37) {
    const auto h = (co_await g.events.find_one(context, "test", "e" + std::to_string(i))).value();
    CHECK(h.feature == to_feature(made("e" + std::to_string(i), {i / 10.0, 1}, "9")));
    std::set<timestamp> times;
    for (const auto& c : h.changes) CHECK(times.insert(c.observed).second);
    CHECK(std::is_sorted(h.changes.begin(), h.changes.end(), [](auto& a, auto& b) { return a.observed < b.observed; }));
  }
}

awaitable<void> dead_letters(geo_database& g) {
  const std::vector<refusal> refused{{"no_id", "no uuid", R"({"reportBy":"somebody","a":1})"},
                                     {"wrong_type", "x", R"({"b":2})"},
                                     {"wrong_type", "truncated", R"({"userName":"somebody","cut)"},
                                     {"wrong_type", "long", "\"" + std::string(100'000, 'x') + "\""}};
  for (int i = 0; i < 3; ++i) (co_await g.events.keep_refused(context, "test", second(i), refused)).value();
  const auto rows =
      (co_await g.database->query(
           context, {.sql = "SELECT reason, detail, document, observed FROM geo_dead_letters ORDER BY letter"}))
          .value();
  REQUIRE(rows.rows() == 4);
  CHECK(rows.at(0, 0).text() == "no_id");
  CHECK(rows.at(0, 2).text() == R"({"a":1})");
  CHECK(rows.at(2, 2).text().empty());
  CHECK(rows.at(3, 2).text().size() == 64 * 1024);
  CHECK(rows.at(0, 3).integer() == second(0).time_since_epoch().count());
}

awaitable<std::int64_t> stored(ports::database& db, std::string ids) {
  const auto t = co_await db.query(
      context, {.sql = "SELECT COUNT(*) FROM geo_events WHERE id LIKE ?", .parameters = ports::table::row(ids)});
  co_return t.value().at(0, 0).integer();
}

awaitable<void> real_recordings(geo_database& g) {
  const auto first = tests::shared_data("waze/waze_data.json");
  const auto second_capture = tests::shared_data("waze/waze_data_20250409-140719.json");
  const auto grid = tests::shared_data("waze/waze_santiago_20250414-115311.json");
  const auto quakes = tests::shared_data("usgs/usgs_2.5_month_2019-07-19_csaba.geojson");
  if (!first || !second_capture || !grid || !quakes) co_return;
  auto& r = g.events;
  const auto one = (co_await r.store(context, decode(*first, {}).value())).value();
  CHECK(one.added == 70 + 86);
  const auto two = (co_await r.store(context, decode(*second_capture, {}).value())).value();
  const auto alerts_again = 69u;
  CHECK(two.added + two.changed + two.unchanged == 73 + 82);
  CHECK(two.older == 0);
  CHECK(two.added <= 73 - alerts_again + 82);
  const auto three = (co_await r.store(context, decode(*grid, {}).value())).value();
  CHECK(three.added + three.changed + three.unchanged == 612 + 493);
  const auto four = (co_await r.store(context, decode(*quakes, {}).value())).value();
  CHECK(four.added == 3121);
  const auto count = (co_await all(r)).matched;
  for (const auto* text : {&*first, &*second_capture, &*grid, &*quakes}) {
    const auto again = (co_await r.store(context, decode(*text, {}).value())).value();
    CHECK(again.added + again.changed == 0);
  }
  CHECK((co_await all(r)).matched == count);
  // As jq counts the distinct uuids of the three captures, and the quakes.
  CHECK(co_await stored(*g.database, "alert-%") == 664);
  CHECK(co_await stored(*g.database, "jam-%") == 586);
  CHECK(count == 664 + 586 + 3121);
  CHECK((co_await r.find_one(context, "waze", "alert-1721380029/d260be8c-b871-4ee5-8e29-6c17967b52d0")).has_value());
}

}  // namespace

TEST_CASE("an event appears, changes, ends and appears again, all in its history") {
  with_geo_database(life_of_an_event);
}
TEST_CASE("observations of one time converge") { with_geo_database(arrival_order_never_matters); }
TEST_CASE("an event under another of its ids is the same event") { with_geo_database(other_names); }
TEST_CASE("four writers at once make one history") { with_geo_database(writers_at_once); }
TEST_CASE("a refused record is kept once, without personal data") { with_geo_database(dead_letters); }
TEST_CASE("real recordings: stored once, and nothing changes the second time", "[data]") {
  with_geo_database(real_recordings);
}
