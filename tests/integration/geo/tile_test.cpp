// The tiles on a real SQLite database: leases that exclude each other, schedules that last, splitting and merging.
#include "distsys/domain/geo/tile_repository.hpp"
#include "geo_database.hpp"

#include <cmath>
#include <map>
#include <set>

using namespace distsys;
using namespace std::chrono_literals;
namespace geo = distsys::domain::geo;
using geo::timestamp;

namespace {

const timestamp start = timestamp(std::chrono::sys_days(std::chrono::year{2025} / 4 / 9));
constexpr geo::tile_repository::bounds_of_interval bounds{1s, 1h};

ports::call_context soon() { return ports::call_context::within(1min); }

geo::tile_view root(std::string feed, geo::box where = {-71, -34, -70, -33}) {
  geo::tile_view t;
  t.feed = std::move(feed);
  t.tile = "santiago";
  t.source = "waze";
  t.bounds = where;
  t.interval = 60s;
  t.next_poll = start;
  t.cap = 200;
  return t;
}

geo::claim_terms at(timestamp t) { return {.now = t, .lease = 30s}; }

awaitable<std::vector<geo::leased_tile>> claim(geo::tile_repository& tiles, std::string feed, std::string owner,
                                               timestamp t, std::size_t most = 10) {
  co_return (co_await tiles.claim(soon(), {{{std::move(feed)}, most}}, std::move(owner), at(t))).value();
}

geo::tile_outcome good(timestamp polled, std::size_t count) {
  geo::tile_outcome o;
  o.polled = polled;
  o.answered = o.complete = true;
  o.count = count;
  o.interval = 60s;
  o.next_poll = polled + 60s;
  return o;
}

geo::sighting seen(std::string id, geo::position where, unsigned missed = 0) {
  geo::sighting s{"waze", std::move(id), where, {}, missed, {}};
  if (missed > 0) s.missing_since = start;
  return s;
}

awaitable<void> fill(geo::tile_repository& tiles, int n) {
  for (int i = 0; i < n; ++i) {
    auto t = root("f" + std::to_string(i));
    (co_await tiles.add(soon(), std::move(t), start, bounds)).value();
  }
}

template <class F>
void with_tiles(F test) {
  tests::with_geo_database([test](tests::geo_database& g) -> awaitable<void> {
    return [](tests::geo_database& db, F run) -> awaitable<void> {
      (co_await db.database->migrate(soon(), geo::tile_repository::migrations())).value();
      geo::tile_repository tiles(db.database);
      co_await run(db, tiles);
    }(g, test);
  });
}

awaitable<void> schedule_lasts(tests::geo_database& g, geo::tile_repository& tiles) {
  (co_await tiles.add(soon(), root("f"), start, bounds)).value();
  auto mine = co_await claim(tiles, "f", "a", start);
  REQUIRE(mine.size() == 1);
  CHECK((co_await claim(tiles, "f", "b", start)).empty());
  auto o = good(start, 12);
  o.changes = 3;
  o.interval = 45s;
  o.next_poll = start + 45s;
  o.memory = "{\"etag\":\"v1\"}";
  (co_await tiles.finish(soon(), mine[0], o)).value();

  geo::tile_repository again(g.database);  // another process, or this one after a restart
  (co_await again.add(soon(), root("f"), start + 1s, bounds)).value();
  const auto all = (co_await again.list(soon())).value();
  REQUIRE(all.size() == 1);
  CHECK(all[0].interval == 45s);
  CHECK(all[0].next_poll == start + 45s);
  CHECK(all[0].last_count == 12);
  CHECK(all[0].last_changes == 3);
  CHECK(all[0].complete_polls == 1);
  CHECK(all[0].last_answer == start);
  CHECK(geo::coverage_of(all[0], start + 1s) == geo::tile_coverage::covered);
  CHECK(geo::coverage_of(all[0], start + 1h) == geo::tile_coverage::failing);
  CHECK((co_await claim(again, "f", "b", start + 44s)).empty());
  CHECK((co_await again.next_claim(soon(), {"f"}, at(start))).value() == start + 45s);
  const auto due = co_await claim(again, "f", "b", start + 45s);
  REQUIRE(due.size() == 1);
  CHECK(due[0].memory == "{\"etag\":\"v1\"}");
  CHECK((co_await again.next_claim(soon(), {"f"}, at(start))).value() == start + 75s);
  CHECK_FALSE((co_await again.next_claim(soon(), {"g"}, at(start))).value());

  // Shorter bounds after a restart hold for what was stored.
  (co_await again.release(soon(), "b")).value();
  (co_await again.add(soon(), root("f"), start + 1s, {1s, 10s})).value();
  CHECK((co_await again.list(soon())).value()[0].interval == 10s);
  CHECK((co_await claim(again, "f", "b", start + 11s)).size() == 1);

  // The clock was an hour and more ahead: what it wrote does not hold the tile up.
  (co_await again.add(soon(), root("f"), start - 2h, {1s, 10s})).value();
  CHECK((co_await claim(again, "f", "c", start - 2h + 10s)).size() == 1);
}

awaitable<void> leases_fence(tests::geo_database&, geo::tile_repository& tiles) {
  (co_await tiles.add(soon(), root("f"), start, bounds)).value();
  const auto first = co_await claim(tiles, "f", "a", start);
  REQUIRE(first.size() == 1);
  CHECK((co_await tiles.renew(soon(), "a", start + 50s)).value() == std::vector{first[0].view.key});
  CHECK((co_await claim(tiles, "f", "b", start + 49s)).empty());
  const auto second = co_await claim(tiles, "f", "b", start + 50s);
  REQUIRE(second.size() == 1);
  CHECK((co_await tiles.renew(soon(), "a", start + 90s)).value().empty());
  CHECK((co_await tiles.finish(soon(), first[0], good(start, 1))).error() == errc::conflict);
  CHECK((co_await tiles.remember(soon(), first[0], "x")).error() == errc::conflict);
  CHECK((co_await tiles.split(soon(), first[0], good(start, 1), {})).error() == errc::conflict);
  CHECK((co_await tiles.list(soon())).value().at(0).last_count == 0);
  CHECK((co_await tiles.owners(soon())).value() == std::vector<std::string>{"b"});
  CHECK((co_await tiles.release(soon(), "b")).value() == 1);
  CHECK((co_await tiles.finish(soon(), second[0], good(start, 1))).error() == errc::conflict);
  CHECK((co_await claim(tiles, "f", "c", start + 51s)).size() == 1);
}

awaitable<void> take_all(geo::tile_repository& tiles, std::string owner,
                         std::shared_ptr<std::multiset<std::string>> got, std::shared_ptr<std::mutex> guard) {
  std::vector<std::string> feeds;
  feeds.reserve(40);
  for (int i = 0; i < 40; ++i) feeds.push_back("f" + std::to_string(i));
  for (;;) {
    const auto some = (co_await tiles.claim(soon(), {{feeds, 3}}, owner, at(start))).value();
    if (some.empty() && (co_await tiles.next_claim(soon(), feeds, at(start))).value() > start) co_return;
    const std::scoped_lock lock(*guard);
    for (const auto& t : some) got->insert(t.view.feed);
  }
}

awaitable<void> owners_race(tests::geo_database& g, geo::tile_repository& tiles) {
  co_await fill(tiles, 40);
  const auto got = std::make_shared<std::multiset<std::string>>();
  const auto guard = std::make_shared<std::mutex>();
  runtime::task_group group;
  for (unsigned i = 0; i < 4; ++i) group.spawn(g.loops.loop(i), take_all(tiles, "o" + std::to_string(i), got, guard));
  co_await group.wait();
  CHECK(got->size() == 40);
  CHECK(std::set<std::string>(got->begin(), got->end()).size() == 40);
}

awaitable<void> splits_and_merges(tests::geo_database&, geo::tile_repository& tiles) {
  (co_await tiles.add(soon(), root("f"), start, bounds)).value();
  const auto parent = co_await claim(tiles, "f", "a", start);
  auto o = good(start, 200);
  o.capped = true;
  o.complete = false;
  geo::sighting_changes held;
  held.put = {seen("sw", {-70.9, -33.9}), seen("ne", {-70.1, -33.1}, 2), seen("outside", {-60, -33.9})};
  (co_await tiles.split(soon(), parent[0], o, held)).value();

  auto all = (co_await tiles.list(soon())).value();
  REQUIRE(all.size() == 5);
  CHECK(all[0].state == geo::tile_state::split);
  CHECK(all[0].capped);
  CHECK(all[4].tile == "santiago:3");
  CHECK(all[4].bounds->west == -70.5);
  CHECK(all[4].bounds->north == -33);
  double whole = 0;
  for (int i = 1; i <= 4; ++i) whole += geo::area_m2(*all[i].bounds);
  CHECK(std::abs(whole / geo::area_m2(*all[0].bounds) - 1) < 1e-9);

  auto children = co_await claim(tiles, "f", "a", start);
  REQUIRE(children.size() == 4);
  std::map<std::string, std::vector<geo::sighting>> by_tile;
  for (const auto& c : children) by_tile[c.view.tile] = (co_await tiles.sightings(soon(), c)).value();
  REQUIRE(by_tile["santiago:0"].size() == 1);
  CHECK(by_tile["santiago:1"].at(0).id == "outside");  // nearest to where it is
  CHECK(by_tile["santiago:3"].at(0).missed == 0);

  const auto views = (co_await tiles.children(soon(), "f", "santiago")).value();
  CHECK_FALSE((co_await tiles.merge(soon(), views, start + 1s)).value());  // all are leased
  for (const auto& c : children) {
    geo::sighting_changes both;
    if (c.view.tile == "santiago:2") both.put = {seen("sw", {-70.9, -33.9})};
    (co_await tiles.finish(soon(), c, good(start + 1s, 3), both)).value();
  }
  CHECK_FALSE((co_await tiles.merge(soon(), views, start + 2s)).value());  // they were leased since
  const auto now = (co_await tiles.children(soon(), "f", "santiago")).value();
  CHECK((co_await tiles.merge(soon(), now, start + 2s)).value());
  all = (co_await tiles.list(soon())).value();
  REQUIRE(all.size() == 1);
  CHECK(all[0].state == geo::tile_state::polling);
  const auto merged = co_await claim(tiles, "f", "a", start + 2s);
  REQUIRE(merged.size() == 1);
  CHECK((co_await tiles.sightings(soon(), merged[0])).value().size() == 3);
}

awaitable<std::set<std::string>> absent(geo::tile_repository& tiles, geo::leased_tile tile,
                                        std::vector<geo::sighting> missing, timestamp t) {
  std::set<std::string> out;
  for (const auto& s : (co_await tiles.absent_everywhere(soon(), tile, std::move(missing), 3, t)).value())
    out.insert(s.id);
  co_return out;
}

awaitable<void> absence_needs_all(tests::geo_database&, geo::tile_repository& tiles) {
  (co_await tiles.add(soon(), root("west", {-71, -34, -70, -33}), start, bounds)).value();
  (co_await tiles.add(soon(), root("east", {-70, -34, -69, -33}), start, bounds)).value();
  const auto west = co_await claim(tiles, "west", "a", start), east = co_await claim(tiles, "east", "a", start);
  geo::sighting_changes w, e;
  w.put = {seen("in-west", {-70.5, -33.5}, 3), seen("both", {-70.01, -33.5}, 3), seen("edge", {-70, -33.5}, 3)};
  e.put = {seen("both", {-70.01, -33.5}, 2)};
  (co_await tiles.finish(soon(), west[0], good(start, 3), w)).value();
  auto failed = good(start, 1);
  failed.answered = failed.complete = false;
  (co_await tiles.finish(soon(), east[0], failed, e)).value();
  // East still holds "both", and has not answered since "edge" went missing, which it might hold.
  CHECK((co_await absent(tiles, west[0], w.put, start + 1s)) == std::set<std::string>{"in-west"});
  const auto later = co_await claim(tiles, "east", "a", start + 60s);
  e.put = {seen("both", {-70.01, -33.5}, 3)};
  (co_await tiles.finish(soon(), later[0], good(start + 60s, 0), e)).value();
  CHECK((co_await absent(tiles, west[0], w.put, start + 61s)) == std::set<std::string>{"in-west", "both", "edge"});
}

awaitable<void> retires_and_forgets(tests::geo_database&, geo::tile_repository& tiles) {
  (co_await tiles.add(soon(), root("replay"), start, bounds)).value();
  auto mine = co_await claim(tiles, "replay", "a", start);
  (co_await tiles.remember(soon(), mine[0], "b.json")).value();
  (co_await tiles.release(soon(), "a")).value();  // killed
  mine = co_await claim(tiles, "replay", "b", start);
  CHECK(mine.at(0).memory == "b.json");
  auto o = good(start, 1);
  o.retire = true;
  (co_await tiles.finish(soon(), mine[0], o)).value();
  CHECK((co_await claim(tiles, "replay", "b", start + 1h)).empty());
  CHECK_FALSE((co_await tiles.next_claim(soon(), {"replay"}, at(start))).value());
  (co_await tiles.add(soon(), root("replay"), start + 1h, bounds)).value();
  CHECK((co_await claim(tiles, "replay", "c", start + 1h)).at(0).memory.empty());

  (co_await tiles.add(soon(), root("other"), start + 24h, bounds)).value();
  CHECK((co_await tiles.forget(soon(), start + 31min, 1min)).value() == 0);
  CHECK((co_await tiles.forget(soon(), start + 25h, 1h)).value() == 1);
  CHECK((co_await tiles.list(soon())).value().at(0).feed == "other");
}

// A machine whose clock is eight days ahead has not been away for eight days.
awaitable<void> forgets_by_the_slower_clock(tests::geo_database&, geo::tile_repository& tiles) {
  const timestamp now = runtime::now();
  auto t = root("polled elsewhere");
  t.next_poll = now + 60s;
  (co_await tiles.add(soon(), t, now, bounds)).value();
  CHECK((co_await tiles.forget(soon(), now + 8 * 24h, 7 * 24h)).value() == 0);
  auto old = root("left alone");
  old.next_poll = now - 8 * 24h;
  (co_await tiles.add(soon(), old, now - 8 * 24h, bounds)).value();
  CHECK((co_await tiles.forget(soon(), now + 8 * 24h, 7 * 24h)).value() == 1);
  CHECK((co_await tiles.list(soon())).value().at(0).feed == "polled elsewhere");
}

// A feed more than one statement names, so that there are three.
awaitable<void> longest_due_first(tests::geo_database&, geo::tile_repository& tiles) {
  constexpr int many = 1025;
  std::vector<std::string> feeds;
  for (int i = 0; i < many; ++i) {
    auto t = root("f" + std::to_string(i));
    t.next_poll = start - std::chrono::seconds(i);
    feeds.push_back(t.feed);
    (co_await tiles.add(soon(), std::move(t), start, bounds)).value();
  }
  const auto got = (co_await tiles.claim(soon(), {{feeds, 2}}, "a", at(start))).value();
  std::set<std::string> names;
  for (const auto& t : got) names.insert(t.view.feed);
  CHECK(names == std::set<std::string>{"f1023", "f1024"});
}

awaitable<void> waits_as_one(tests::geo_database&, geo::tile_repository& tiles) {
  for (const char* feed : {"a", "b", "c"}) (co_await tiles.add(soon(), root(feed), start, bounds)).value();
  const auto held = co_await claim(tiles, "b", "me", start);
  (co_await tiles.postpone(soon(), {"a", "b"}, start + 90s)).value();
  (co_await tiles.postpone(soon(), {"a", "b"}, start + 10s)).value();  // what was asked before still holds
  CHECK((co_await tiles.next_claim(soon(), {"a"}, at(start))).value() == start + 90s);
  CHECK((co_await claim(tiles, "a", "me", start + 89s)).empty());
  CHECK((co_await claim(tiles, "a", "me", start + 90s)).size() == 1);
  CHECK((co_await claim(tiles, "c", "me", start)).size() == 1);
  (co_await tiles.finish(soon(), held.at(0), good(start, 1))).value();  // its lease is still held
  for (const auto& t : (co_await tiles.list(soon(), {"a", "b"})).value()) CHECK(t.next_poll >= start + 90s);
}

// As another process has it: it does not know of the pause.
awaitable<void> children_wait_too(tests::geo_database&, geo::tile_repository& tiles) {
  (co_await tiles.add(soon(), root("f"), start, bounds)).value();
  const auto parent = co_await claim(tiles, "f", "a", start);
  (co_await tiles.postpone(soon(), {"f"}, start + 90s)).value();
  (co_await tiles.split(soon(), parent.at(0), good(start, 200), {})).value();
  CHECK((co_await claim(tiles, "f", "a", start + 89s)).empty());
  for (const auto& c : co_await claim(tiles, "f", "a", start + 90s))
    (co_await tiles.finish(soon(), c, good(start + 90s, 1))).value();
  const auto children = (co_await tiles.children(soon(), "f", "santiago")).value();
  CHECK((co_await tiles.merge(soon(), children, start + 91s, start + 120s)).value());
  CHECK((co_await claim(tiles, "f", "a", start + 119s)).empty());
  const auto again = co_await claim(tiles, "f", "a", start + 120s);
  CHECK(again.size() == 1);
  // Told between the children's answers and their merging: the parent has heard it.
  (co_await tiles.split(soon(), again.at(0), good(start + 120s, 200), {})).value();
  for (const auto& c : co_await claim(tiles, "f", "a", start + 120s))
    (co_await tiles.finish(soon(), c, good(start + 120s, 1))).value();
  const auto quiet = (co_await tiles.children(soon(), "f", "santiago")).value();
  (co_await tiles.postpone(soon(), {"f"}, start + 300s)).value();
  CHECK((co_await tiles.merge(soon(), quiet, start + 121s, start)).value());
  CHECK((co_await claim(tiles, "f", "a", start + 299s)).empty());
  CHECK((co_await claim(tiles, "f", "a", start + 300s)).size() == 1);
}

}  // namespace

TEST_CASE("a tile's schedule outlives the process") { with_tiles(schedule_lasts); }
TEST_CASE("a lost lease lets nothing be written") { with_tiles(leases_fence); }
TEST_CASE("owners that race take each tile once") { with_tiles(owners_race); }
TEST_CASE("a tile splits into quarters that hold its sightings, and merges again") { with_tiles(splits_and_merges); }
TEST_CASE("an event is absent when every tile that could hold it says so") { with_tiles(absence_needs_all); }
TEST_CASE("of very many feeds of one site those due longest come first") { with_tiles(longest_due_first); }
TEST_CASE("the tiles of a site can be told to wait together") { with_tiles(waits_as_one); }
TEST_CASE("what splits or merges while its site is left alone waits too") { with_tiles(children_wait_too); }
TEST_CASE("a clock that is ahead forgets nothing that is polled") { with_tiles(forgets_by_the_slower_clock); }
TEST_CASE("a finished recording begins again when it is asked for, and what nobody asks for is forgotten") {
  with_tiles(retires_and_forgets);
}
