// Forgetting: a week of a city in a database that does not grow, and sequences that never restart.
#include "geo_database.hpp"

#include <algorithm>
#include <array>
#include <filesystem>
#include <map>

using namespace distsys;
using namespace distsys::domain::geo;
using namespace std::chrono_literals;
using distsys::tests::geo_database;
using distsys::tests::seen_at;
using distsys::tests::start;
using distsys::tests::with_geo_database;

namespace {

const ports::call_context context;

event made(const std::string& source, int i, runtime::random& dice, std::string text) {
  event e;
  e.source = source;
  e.id = "e" + std::to_string(i);
  e.kind = "jam";
  e.aliases = {"alias-" + e.id};
  e.at = {-70.66 + dice.normal(0, 0.1), -33.45 + dice.normal(0, 0.1)};
  e.text = std::move(text);
  return e;
}

awaitable<std::int64_t> rows_of(ports::database& db, std::string table_name) {
  const auto t = co_await db.query(context, {.sql = "SELECT COUNT(*) FROM " + table_name});
  co_return t.value().at(0, 0).integer();
}

constexpr std::array tables{"geo_events", "geo_event_changes", "geo_event_aliases", "geo_dead_letters"};

awaitable<std::map<std::string, std::int64_t>> all_rows(ports::database& db) {
  std::map<std::string, std::int64_t> rows;
  for (const auto* table : tables) rows[table] = co_await rows_of(db, table);
  co_return rows;
}

awaitable<std::size_t> prune_all(event_repository& events, retention what, std::size_t most) {
  std::size_t all = 0;
  for (;;) {
    const auto n = (co_await events.prune(context, what, most)).value();
    if (n == 0) co_return all;
    all += n;
  }
}

retention a_day_before(timestamp now) {
  return {.ended_before = now - 24h, .expired_before = now - 24h, .history_before = now - 24h};
}

/// One hour of churn: some appear, each for some hours; those that stay change; bad records come, too.
awaitable<void> hour(geo_database& g, runtime::random& dice, int h, timestamp now) {
  constexpr int new_ones = 60, stays = 40;
  std::vector<event> seen;
  std::vector<std::string> gone;
  for (int i = 0; i < new_ones; ++i) {
    auto e = made("sim", h * new_ones + i, dice, "appeared");
    if (i % 3 == 0) e.expires = now + 3h;
    seen.push_back(std::move(e));
    if (h >= 4 && i % 3 != 0) gone.push_back("e" + std::to_string((h - 4) * new_ones + i));
  }
  for (int i = 0; i < stays; ++i) seen.push_back(made("sim", 1'000'000 + i, dice, "hour " + std::to_string(h)));
  (co_await g.events.end(context, "sim", gone, now)).value();
  (co_await g.events.store(context, seen_at(now, std::move(seen)))).value();
  std::vector<refusal> refused;
  refused.reserve(5);
  for (int i = 0; i < 5; ++i) refused.push_back({"no_id", std::to_string(h * 5 + i), R"({"bad":true})"});
  (co_await g.events.keep_refused(context, "sim", now, refused)).value();
}

std::uintmax_t file_bytes(const std::filesystem::path& folder) { return std::filesystem::file_size(folder / "geo.db"); }

awaitable<void> a_week(geo_database& g, std::filesystem::path folder) {
  runtime::manual_clock clock(start);
  runtime::random dice(83);
  std::map<std::string, std::int64_t> after_two_days;
  std::uintmax_t bytes_after_two_days = 0;
  std::int64_t last = 0;
  for (int h = 0; h < 7 * 24; ++h) {
    const timestamp now = start + std::chrono::hours(h);
    clock.set(now);
    co_await hour(g, dice, h, now);
    co_await prune_all(g.events, a_day_before(now), 500);
    const auto sequence = (co_await g.events.last_sequence(context)).value();
    REQUIRE(sequence > last);
    last = sequence;
    if (h == 47) {
      after_two_days = co_await all_rows(*g.database);
      bytes_after_two_days = file_bytes(folder);
    }
  }
  const auto after_a_week = co_await all_rows(*g.database);
  for (const auto* table : tables) {
    INFO(table);
    CHECK(after_two_days.at(table) > 0);
    CHECK(after_a_week.at(table) <= after_two_days.at(table) * 11 / 10);
  }
  // Pages are used again; the log of the last minutes is not copied into the file yet, or is.
  CHECK(file_bytes(folder) <= std::max<std::uintmax_t>(bytes_after_two_days, 1u << 20) * 3 / 2);
  // What lives is untouched, and can be found.
  const auto living = (co_await g.events.find(context, {.limit = 10'000})).value();
  CHECK(living.features.size() >= 40 + 3 * 60);
  CHECK((co_await g.events.find_one(context, "sim", "e1000000"))->changes.size() >= 24);
  CHECK((co_await g.events.find_one(context, "sim", "alias-e1000001")).has_value());
  CHECK((co_await g.events.find_one(context, "sim", "e1")).error() == errc::not_found);
}

awaitable<void> sequences_go_on(geo_database& g) {
  runtime::manual_clock clock(start);
  runtime::random dice(89);
  co_await g.events.store(context, seen_at(start, {made("sim", 1, dice, ""), made("sim", 2, dice, "")}));
  co_await g.events.end(context, "sim", {"e1", "e2"}, start + 1s);
  const auto last = (co_await g.events.last_sequence(context)).value();
  CHECK((co_await g.events.pruned_through(context)).value() == 0);
  clock.set(start + 48h);
  const auto old = a_day_before(start + 48h);
  CHECK(co_await prune_all(g.events, old, 100) == 2 + 3 + 2);  // events, changes but the newest, aliases
  CHECK(co_await rows_of(*g.database, "geo_events") == 0);
  CHECK((co_await g.events.last_sequence(context)).value() == last);
  CHECK((co_await g.events.changes_after(context, 0, 10))->empty());
  CHECK((co_await g.events.pruned_through(context)).value() == last);  // who resumes from before there misses some
  co_await g.events.store(context, seen_at(start + 48h, {made("sim", 3, dice, "")}));
  CHECK((co_await g.events.last_sequence(context)).value() == last + 1);
  // The row that had to stay goes when it is the newest no more.
  CHECK(co_await prune_all(g.events, old, 100) == 1);
  CHECK(co_await rows_of(*g.database, "geo_event_changes") == 1);
}

awaitable<std::int64_t> count(ports::database& db, std::string source, std::string joined) {
  const auto t =
      co_await db.query(context, {.sql = "SELECT COUNT(*) FROM geo_events e " + joined + " WHERE e.source = ?",
                                  .parameters = ports::table::row(source)});
  co_return t.value().at(0, 0).integer();
}

awaitable<void> batches_and_sources(geo_database& g) {
  runtime::manual_clock clock(start);
  runtime::random dice(97);
  for (const auto* source : {"one", "two"}) {
    std::vector<event> seen;
    std::vector<std::string> ids;
    for (int i = 0; i < 1000; ++i) {
      seen.push_back(made(source, i, dice, ""));
      if (i >= 100) ids.push_back(seen.back().id);
    }
    co_await g.events.store(context, seen_at(start, seen));
    for (int change = 1; change <= 3; ++change) {
      for (auto& e : seen) e.text = std::to_string(change);
      co_await g.events.store(context, seen_at(start + std::chrono::seconds(change), seen));
    }
    co_await g.events.end(context, source, ids, start + 10s);
  }
  co_await g.events.store(context, seen_at(start + 20s, {made("one", 5000, dice, "the newest")}));
  clock.set(start + 48h);
  auto what = a_day_before(start + 48h);
  what.source = "one";
  CHECK((co_await g.events.prune(context, {}, 1000)).value() == 0);
  const auto once = (co_await g.events.prune(context, what, 70)).value();
  CHECK(once >= 70);
  CHECK(once < 70 + 20);  // the last event whole, and aliases
  co_await prune_all(g.events, what, 1000);
  const std::string changes = "JOIN geo_event_changes c ON c.event_key = e.event_key";
  CHECK(co_await count(*g.database, "one", "") == 101);
  CHECK(co_await count(*g.database, "one", changes) == 101);
  CHECK(co_await count(*g.database, "two", "") == 1000);
  CHECK(co_await count(*g.database, "two", changes) == 4900);
  // Above the floor no change of the source is missing; those of the others are all there.
  const auto floor = (co_await g.events.pruned_through(context)).value();
  CHECK(floor > 0);
  CHECK(floor < (co_await g.events.last_sequence(context)).value());
  // What lives keeps its newest change, whose text is the event's own.
  const auto again = (co_await g.events.find_one(context, "one", "e7")).value();
  CHECK(again.changes.size() == 1);
  CHECK(again.changes.front().feature == again.feature);
}

/// Changes whose event is gone, and that its deletion had left to others: however long other sources keep theirs.
awaitable<void> orphans_go(geo_database& g) {
  runtime::random dice(3);
  for (int m = 0; m < 5; ++m)
    (co_await g.events.store(context, seen_at(start + m * 1min, {made("short", 1, dice, "text " + std::to_string(m)),
                                                                 made("kept", 1, dice, "text " + std::to_string(m))})))
        .value();
  (co_await g.events.end(context, "short", {"e1"}, start + 10min)).value();
  CHECK((co_await g.events.prune(context, {.source = "short", .ended_before = start + 1h, .left = {{0, 1'000}}}, 100))
            .value() > 0);
  CHECK(co_await rows_of(*g.database, "geo_events") == 1);
  CHECK(co_await rows_of(*g.database, "geo_event_changes") == 11);
  CHECK(co_await prune_all(g.events, {.orphans_before = start + 1min}, 100) == 0);  // by when they were recorded
  CHECK(co_await prune_all(g.events, {.orphans_before = runtime::now() + 1h}, 100) == 5);
  // The newest change of all is one of them.
  CHECK(co_await rows_of(*g.database, "geo_event_changes") == 6);
}

}  // namespace

TEST_CASE("a week of churn leaves the database as large as two days") {
  tests::temporary_folder folder;
  tests::on_a_loop([&](runtime::runtime& loops) {
    return tests::run_with_database(loops, tests::sqlite_address(folder.path()),
                                    [where = folder.path()](geo_database& g) { return a_week(g, where); });
  });
}
TEST_CASE("sequences go on when all has been pruned") { with_geo_database(sequences_go_on); }
TEST_CASE("prune keeps to its size, its source and what is kept") { with_geo_database(batches_and_sources); }
TEST_CASE("changes of events that are gone are not kept for the sake of others") { with_geo_database(orphans_go); }
