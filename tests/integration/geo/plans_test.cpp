// On a database server: no question of the repository reads a table from end to end, though every plan was made while
// the tables were empty, as it is after an installation.
#include "drawn_events.hpp"
#include "geo_database.hpp"

using namespace distsys;
using namespace distsys::domain::geo;
using namespace std::chrono_literals;

namespace {

const ports::call_context context;
const timestamp start = timestamp(std::chrono::sys_days(std::chrono::year{2025} / 4 / 9));

/// Everything that the roles ask.
awaitable<void> ask_everything(event_repository& events, timestamp t) {
  const circle round{{-70.6, -33.4}, 5000};
  const std::vector<area> areas{round, box{-71, -34, -70, -33}, nearest{{-70.6, -33.4}, 10},
                                polygon{{{-71, -34}, {-70, -34}, {-70, -33}}}};
  for (const area& where : areas) {
    event_query q{.where = where};
    (co_await events.find(context, q)).value();
    q.at = t;
    (co_await events.find(context, q)).value();
    q.at.reset();
    q.kinds = {"jam"};
    q.sources = {"sim"};
    q.since = start;
    q.min_severity = 1;
    q.limit = 5;
    const auto page = (co_await events.find(context, q)).value();
    q.cursor = page.next_cursor;
    if (!q.cursor.empty()) (co_await events.find(context, q)).value();
    q.cursor.clear();
    (co_await events.count_kinds(context, q)).value();
  }
  const auto quads = cover_quads(round);
  (co_await events.read_quads(context, quads, 1000)).value();
  (co_await events.count_quads(context, quads, quads.front().level())).value();
  (void)co_await events.find_one(context, "sim", "7");
  (co_await events.changes_after(context, 0, 100)).value();
  (co_await events.touches_after(context, 0, 100)).value();
  (co_await events.last_sequence(context)).value();
  (co_await events.sources(context)).value();
  (co_await events.count_by_kind(context)).value();
}

observation some_events(runtime::random& dice, timestamp t, int n) {
  observation o;
  o.observed = t;
  for (int i = 0; i < n; ++i) {
    event& e = o.events.emplace_back();
    e.source = "sim";
    e.id = std::to_string(i);
    e.kind = i % 2 == 0 ? "jam" : "hazard";
    e.severity = i % 4;
    e.at = {dice.uniform(-71, -70), dice.uniform(-34, -33)};
    if (i % 10 == 0) e.aliases.push_back("also " + e.id);
  }
  return o;
}

/// What the server has read from end to end, when its sessions have told it: they do when they end.
awaitable<std::int64_t> rows_read_in_sequence(ports::database& db) {
  const auto t = (co_await db.query(context, {"SELECT coalesce(sum(seq_tup_read), 0) FROM pg_stat_user_tables WHERE "
                                              "schemaname = current_schema() AND relname LIKE 'geo_event%'",
                                              {},
                                              {}}))
                     .value();
  co_return t.at(0, 0).integer();
}

/// Entries that were read of an index, told likewise.
awaitable<std::int64_t> entries_read(ports::database& db, std::string index) {
  const auto t = (co_await db.query(context, {"SELECT idx_tup_read FROM pg_stat_user_indexes WHERE schemaname = "
                                              "current_schema() AND indexrelname = ?",
                                              ports::table::row(index),
                                              {}}))
                     .value();
  co_return t.at(0, 0).integer();
}

awaitable<void> names_are_found_one_by_one(runtime::runtime& loops, std::string address) {
  auto db = tests::open_database(loops, address);
  if (db->sql_dialect() == ports::dialect::postgres) {
    constexpr std::int64_t n = 4000;
    (co_await db->migrate(context, event_repository::migrations())).value();
    event_repository events(db);
    runtime::random dice(6);
    const auto all = some_events(dice, start, static_cast<int>(n));
    for (std::int64_t from = 0; from < n; from += n / 4) {  // the first part makes the plans
      observation part{.observed = start};
      part.events.assign(all.events.begin() + from, all.events.begin() + from + n / 4);
      CHECK((co_await events.store(context, part)).value().added == n / 4);
    }
    constexpr std::int64_t renamed = n / 10;
    for (std::int64_t from = 0; from < n; from += n / 4) {  // known by an alias alone
      observation part{.observed = start + 1min};
      for (std::int64_t i = from; i < from + n / 4; i += 10) {
        event& e = part.events.emplace_back(all.events[static_cast<std::size_t>(i)]);
        std::swap(e.id, e.aliases.front());
        e.severity = 9;
      }
      CHECK((co_await events.store(context, part)).value().changed == renamed / 4);
    }
    auto again = all;
    again.observed = start + 2min;
    CHECK((co_await events.store(context, again)).value().added == 0);
    co_await db->close();
    db = tests::open_database(loops, address);
    // Sessions tell what they have read when they end, which nobody waits for.
    const auto deadline = runtime::steady_now() + 30s;
    while ((co_await entries_read(*db, "geo_events_by_id") < n ||
            co_await entries_read(*db, "geo_event_aliases_pkey") < renamed) &&
           runtime::steady_now() < deadline)
      co_await runtime::sleep_for(20ms);
    // Each id that was there is one entry, and twice where it was changed; uniqueness is looked at without reading any.
    const auto by_id = co_await entries_read(*db, "geo_events_by_id");
    const auto by_alias = co_await entries_read(*db, "geo_event_aliases_pkey");
    const auto by_key = co_await entries_read(*db, "geo_events_pkey");
    CHECK(by_id >= n);
    CHECK(by_id <= 2 * n);
    CHECK(by_alias >= renamed);
    CHECK(by_alias <= 10 * renamed);
    CHECK(by_key >= renamed);
    CHECK(by_key <= 10 * renamed);
  }
  co_await db->close();
}

awaitable<void> nothing_is_read_from_end_to_end(runtime::runtime& loops, std::string address) {
  auto db = tests::open_database(loops, address);
  if (db->sql_dialect() == ports::dialect::postgres) {
    (co_await db->migrate(context, event_repository::migrations())).value();
    event_repository events(db);
    runtime::random dice(5);
    co_await ask_everything(events, start);  // makes the plans
    (co_await events.store(context, some_events(dice, start, 3000))).value();
    (co_await events.store(context, some_events(dice, start + 1min, 3000))).value();
    co_await ask_everything(events, start + 30s);
    (co_await events.end(context, "sim", {"1", "2", "3"}, start + 2min)).value();
    (co_await events.prune(context, {.ended_before = start + 1h, .history_before = start + 1h}, 1000)).value();
    co_await db->close();
    db = tests::open_database(loops, address);
    CHECK(co_await rows_read_in_sequence(*db) == 0);
  }
  co_await db->close();
}

}  // namespace

TEST_CASE("a known id costs one entry of its index, whatever else is stored") {
  tests::on_each_database(names_are_found_one_by_one);
}
TEST_CASE("no table is read from end to end") { tests::on_each_database(nothing_is_read_from_end_to_end); }
