// On PostgreSQL: the history in partitions, opened while it is written and compacted while it is read and written.
#include "geo_database.hpp"

#include "distsys/domain/geo/history_partitions.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <set>

using namespace distsys;
using namespace distsys::domain::geo;
using namespace std::chrono_literals;
using distsys::tests::geo_database;
using distsys::tests::open_database;
using distsys::tests::seen_at;
using distsys::tests::start;

namespace {

const ports::call_context context;
constexpr std::int64_t small = 200;

awaitable<std::int64_t> number(ports::database& db, std::string sql) {
  co_return (co_await db.query(context, {.sql = std::move(sql)})).value().at(0, 0).integer();
}
awaitable<std::int64_t> partitions_of(ports::database& db) {
  co_return co_await number(db,
                            "SELECT COUNT(*) FROM pg_inherits WHERE inhparent = CAST('geo_event_changes' AS regclass)");
}
awaitable<std::int64_t> bytes_of_history(ports::database& db) {
  co_return co_await number(db,
                            "SELECT CAST(SUM(pg_total_relation_size(inhrelid)) AS BIGINT) FROM pg_inherits WHERE "
                            "inhparent = CAST('geo_event_changes' AS regclass)");
}

event made(int i, int state) {
  event e;
  e.source = i % 4 == 0 ? "slow" : "sim";
  e.id = "e" + std::to_string(i);
  e.kind = "jam";
  e.at = {-70.66 + 0.001 * i, -33.45 + 0.0001 * (state % 7)};
  e.text = "state " + std::to_string(state) + " " + std::string(100, 'x');
  return e;
}

/// A minute of a history that is the same wherever it is told: most events of `population` change, some end.
awaitable<void> minute(event_repository& events, runtime::random& dice, int m, int population) {
  const timestamp now = start + std::chrono::minutes(m);
  std::vector<event> seen;
  std::map<std::string, std::vector<std::string>> gone;
  for (int i = 0; i < population; ++i) {
    if (dice.chance(0.1))
      gone[made(i, 0).source].push_back(made(i, 0).id);
    else if (dice.chance(0.7))
      seen.push_back(made(i, m));
  }
  for (const auto& [source, ids] : gone) (co_await events.end(context, source, ids, now)).value();
  (co_await events.store(context, seen_at(now, std::move(seen)))).value();
}

/// What was there at a time, and what each event's history says of itself from a time on.
awaitable<std::multiset<std::string>> there_at(event_repository& events, timestamp t) {
  const auto page = (co_await events.find(context, {.limit = 10'000, .at = t})).value();
  co_return std::multiset<std::string>(page.features.begin(), page.features.end());
}

std::vector<history_horizon> horizons(timestamp t) { return {{"sim", t}, {"slow", t - 10min}}; }

awaitable<void> prune_both(event_repository& events, timestamp horizon, const std::vector<sequence_range>& left) {
  for (const auto& h : horizons(horizon)) {
    const retention what{.source = h.source,
                         .ended_before = h.before,
                         .expired_before = h.before,
                         .history_before = h.before,
                         .left = left};
    while ((co_await events.prune(context, what, 100)).value() > 0) {
    }
  }
}

/// As the scraper does it.
awaitable<std::vector<compaction>> sweep(event_repository& events, history_partitions& parts, timestamp horizon) {
  std::vector<compaction> done;
  const auto all = horizons(horizon);
  while ((co_await parts.open_next(context)).value()) {
  }
  co_await prune_both(events, horizon, (co_await parts.left(context, all)).value());
  while (const auto one = (co_await parts.compact(context, all)).value()) done.push_back(*one);
  co_return done;
}

template <class F>
void on_postgres(F test) {
  if (!tests::service_url("postgres")) return;
  tests::on_a_loop(
      [&](runtime::runtime& loops) { return tests::run_with_database(loops, tests::fresh_postgres_schema(), test); });
}

awaitable<void> version_4_is_brought_forward(runtime::runtime& loops, std::string address) {
  const auto db = open_database(loops, address), other = open_database(loops, address);
  const auto all = event_repository::migrations();
  (co_await db->migrate(context, all.first(4))).value();
  event_repository events(db);
  runtime::random dice(3);
  for (int m = 0; m < 10; ++m) co_await minute(events, dice, m, 100);
  // A number that a failed transaction took is not given again, either.
  ports::batch b;
  b.push_back({.sql = "SELECT nextval(pg_get_serial_sequence('geo_event_changes', 'sequence'))"});
  const std::string reader = "reader_" + runtime::random_hex(8);
  b.push_back({.sql = "CREATE ROLE " + reader});
  b.push_back({.sql = "GRANT SELECT ON geo_event_changes TO " + reader});
  (co_await db->execute(context, std::move(b))).value();
  const auto last = (co_await events.last_sequence(context)).value();
  const auto rows = co_await number(*db, "SELECT COUNT(*) FROM geo_event_changes");
  const auto file = co_await number(*db, "SELECT CAST(pg_relation_filenode('geo_event_changes') AS BIGINT)");
  const auto before = co_await there_at(events, start + 7min);

  using namespace asio::experimental::awaitable_operators;
  const auto [one, two] = co_await (db->migrate(context, all) && other->migrate(context, all));
  CHECK((one.has_value() && two.has_value()));
  CHECK(co_await number(*db, "SELECT CAST(pg_relation_filenode('geo_event_changes_0') AS BIGINT)") == file);
  CHECK(co_await number(*db, "SELECT COUNT(*) FROM geo_event_changes") == rows);
  CHECK(co_await partitions_of(*db) == 1);
  CHECK(co_await number(
            *db, "SELECT CAST(has_table_privilege('" + reader + "', 'geo_event_changes', 'SELECT') AS INT)") == 1);
  CHECK(co_await there_at(events, start + 7min) == before);
  (co_await events.store(context, seen_at(start + 1h, {made(0, 1000)}))).value();
  CHECK((co_await events.last_sequence(context)).value() == last + 2);
  // It is closed and compacted like those that come later.
  history_partitions parts(*db, small);
  for (int m = 61; m < 71; ++m) co_await minute(events, dice, m, 100);
  CHECK((co_await parts.open_next(context)).value());
  CHECK(co_await number(*db, "SELECT CAST(pg_relation_filenode('geo_event_changes_0') AS BIGINT)") == file);
  CHECK(co_await partitions_of(*db) == 2);
  co_await other->close();
  co_await db->close();
}

/// Both databases are told the same; one forgets by batches, the other by partitions.
awaitable<void> forgetting_alike(geo_database& g) {
  tests::temporary_folder folder;
  const auto plain = open_database(g.loops, tests::sqlite_address(folder.path()));
  (co_await plain->migrate(context, event_repository::migrations())).value();
  event_repository twin(plain);
  history_partitions parts(*g.database, small), none(*plain, small);
  runtime::manual_clock clock(start);
  runtime::random here(7), there(7);
  std::size_t compactions = 0, dropped = 0;
  for (int m = 0; m < 120; ++m) {
    const timestamp now = start + std::chrono::minutes(m), horizon = now - 20min;
    clock.set(now);
    co_await minute(g.events, here, m, 60);
    co_await minute(twin, there, m, 60);
    if (m % 10 != 9) {
      (co_await parts.open_next(context)).value();
      continue;
    }
    const auto before = co_await there_at(g.events, horizon);
    const auto done = co_await sweep(g.events, parts, horizon);
    compactions += done.size();
    for (const auto& one : done) dropped += one.dropped;
    CHECK((co_await sweep(twin, none, horizon)).empty());
    CHECK(co_await there_at(g.events, horizon) == before);
    for (int past = 0; past <= 20; past += 4) {
      INFO("minute " << m << ", " << past << " before");
      const timestamp t = now - std::chrono::minutes(past);
      REQUIRE(co_await there_at(g.events, t) == co_await there_at(twin, t));
    }
    REQUIRE((co_await g.events.last_sequence(context)).value() == (co_await twin.last_sequence(context)).value());
    // Who resumes from the floor or later is told everything.
    const auto floor =
        std::max((co_await g.events.pruned_through(context)).value(), (co_await twin.pruned_through(context)).value());
    const auto told = (co_await g.events.changes_after(context, floor, 100'000)).value();
    const auto all = (co_await twin.changes_after(context, floor, 100'000)).value();
    REQUIRE(told.size() == all.size());
    for (std::size_t i = 0; i < told.size(); ++i) {
      REQUIRE(told[i].sequence == all[i].sequence);
      REQUIRE(told[i].feature == all[i].feature);
    }
  }
  CHECK(compactions >= 10);
  CHECK(dropped > 3000);
  // With nothing left to anybody both know the same, row by row.
  clock.set(start + 48h);
  const timestamp horizon = start + 100min;
  co_await prune_both(g.events, horizon, {});
  co_await prune_both(twin, horizon, {});
  for (int i = 0; i < 60; ++i) {
    const auto a = co_await g.events.find_one(context, made(i, 0).source, made(i, 0).id);
    const auto b = co_await twin.find_one(context, made(i, 0).source, made(i, 0).id);
    REQUIRE(a.has_value() == b.has_value());
    if (!a) continue;
    INFO(made(i, 0).id);
    REQUIRE(a->changes.size() == b->changes.size());
    for (std::size_t c = 0; c < a->changes.size(); ++c) {
      CHECK(a->changes[c].sequence == b->changes[c].sequence);
      CHECK(a->changes[c].feature == b->changes[c].feature);
    }
  }
  CHECK((co_await g.events.pruned_through(context)).value() == (co_await twin.pruned_through(context)).value());
  CHECK(co_await partitions_of(*g.database) < 20);
  co_await plain->close();
}

/// Who reads and writes on several loops, until it is over or goes wrong.
struct crowd {
  std::atomic<bool> over = false;
  std::atomic<std::int64_t> writes = 0, questions = 0;
  std::string trouble() {
    const std::lock_guard lock(guard_);
    return trouble_;
  }
  void fail(const std::string& why) {
    const std::lock_guard lock(guard_);
    if (trouble_.empty()) trouble_ = why;
    over = true;
  }

 private:
  std::mutex guard_;
  std::string trouble_;
};

awaitable<void> keep_writing(event_repository& events, crowd& c, int who) {
  for (int n = 0; !c.over; ++n) {
    std::vector<event> seen;
    seen.reserve(20);
    for (int i = 0; i < 20; ++i) seen.push_back(made(1'000'000 * who + i, n));
    const auto done = co_await events.store(context, seen_at(start + 1h + std::chrono::seconds(n), std::move(seen)));
    if (!done) co_return c.fail(done.error().what());
    ++c.writes;
  }
}

awaitable<void> keep_asking(event_repository& events, crowd& c, timestamp t, std::multiset<std::string> expected) {
  while (!c.over) {
    const auto page = co_await events.find(context, {.limit = 10'000, .at = t});
    if (!page) co_return c.fail(page.error().what());
    if (std::multiset<std::string>(page->features.begin(), page->features.end()) != expected)
      co_return c.fail("another answer about the past");
    const auto last = co_await events.last_sequence(context);
    const auto touches = co_await events.touches_after(context, last ? *last - 50 : 0, 100);
    if (!last || !touches) co_return c.fail("the log cannot be read");
    ++c.questions;
  }
}

awaitable<void> nobody_is_disturbed(geo_database& g) {
  runtime::random dice(11);
  history_partitions parts(*g.database, small);
  {
    runtime::manual_clock clock(start);
    for (int m = 0; m < 60; ++m) {
      clock.set(start + std::chrono::minutes(m));
      co_await minute(g.events, dice, m, 60);
      (co_await parts.open_next(context)).value();
    }
  }
  runtime::manual_clock clock(start + 2h);
  const timestamp horizon = start + 55min;
  const auto expected = co_await there_at(g.events, start + 59min);
  const auto partitions = co_await partitions_of(*g.database);
  REQUIRE(partitions > 5);
  crowd c;
  history_partitions wide(*g.database, 2000);  // so that writers do not fill it between two steps
  runtime::task_group busy;
  for (int i = 1; i <= 3; ++i) busy.spawn(g.loops.loop(i), keep_writing(g.events, c, i));
  for (int i = 1; i <= 3; ++i) busy.spawn(g.loops.loop(i), keep_asking(g.events, c, start + 59min, expected));
  std::size_t compactions = 0, opened = 0;
  const auto until = runtime::steady_now() + 60s;
  while ((compactions < 5 || opened < 3) && !c.over && runtime::steady_now() < until) {
    const auto next = co_await wide.open_next(context);
    if (next && *next) ++opened;
    if (!next && next.error() != errc::conflict) c.fail(next.error().what());
    const auto one = co_await wide.compact(context, std::vector<history_horizon>{{"sim", horizon}, {"slow", horizon}});
    if (one && *one) ++compactions;
    if (!one && one.error() != errc::conflict) c.fail(one.error().what());
  }
  c.over = true;
  co_await busy.wait();
  CHECK(c.trouble().empty());
  CHECK(compactions >= 5);
  CHECK(opened >= 3);
  CHECK(c.writes > 10);
  CHECK(c.questions > 10);
  // No number twice, none lost: of every writer's every change there is a row.
  const auto last = (co_await g.events.last_sequence(context)).value();
  const auto rows =
      co_await number(*g.database,
                      "SELECT COUNT(*) FROM geo_event_changes c JOIN geo_events e ON e.event_key = c.event_key "
                      "WHERE LENGTH(e.id) > 4");
  CHECK(rows == c.writes * 20);
  CHECK((co_await g.events.touches_after(context, last - rows, 1'000'000))->size() == static_cast<std::size_t>(rows));
}

awaitable<void> announced_ends_stop_nobody(geo_database& g) {
  runtime::random dice(13);
  for (int m = 0; m < 5; ++m) co_await minute(g.events, dice, m, 60);
  // As a process leaves it that is killed between two steps.
  const auto announce = [&](std::int64_t past) {
    ports::batch b;
    b.push_back({.sql = "ALTER TABLE geo_event_changes_0 ADD CONSTRAINT geo_event_changes_range CHECK (sequence < " +
                        std::to_string(past) + ") NOT VALID"});
    return b;
  };
  const std::int64_t last = (co_await g.events.last_sequence(context)).value();
  (co_await g.database->execute(context, announce(last + 3))).value();
  std::vector<event> seen;
  seen.reserve(10);
  for (int i = 0; i < 10; ++i) seen.push_back(made(i, 500));
  {
    // Behind a long question it cannot be taken back at once: an error that is worth another try, soon.
    const auto question = (co_await g.database->begin(context)).value();
    (co_await question->query(context, {.sql = "SELECT MAX(sequence) FROM geo_event_changes"})).value();
    const auto stored = co_await g.events.store(context, seen_at(start + 1h, seen));
    REQUIRE_FALSE(stored);
    CHECK(stored.error() == errc::unavailable);
    (co_await question->rollback(context)).value();
  }
  CHECK((co_await g.events.store(context, seen_at(start + 1h, seen))).value().ended == 0);
  CHECK((co_await g.events.last_sequence(context)).value() >= last + 10);
  CHECK(co_await number(*g.database,
                        "SELECT COUNT(*) FROM pg_constraint WHERE conname = 'geo_event_changes_range' "
                        "AND connamespace = CAST(current_schema() AS regnamespace)") == 0);
  (co_await g.database->execute(context, announce((co_await g.events.last_sequence(context)).value() + 2))).value();
  const auto ended = co_await g.events.end_each(context, "sim", {"e1", "e2", "e3", "e5"}, start + 2h);
  CHECK(ended.value() == std::vector<verdict>(4, verdict::changed));
  // Too near to be reached: it is taken back, and another one announced.
  history_partitions parts(*g.database, small);
  (co_await g.database->execute(context, announce((co_await g.events.last_sequence(context)).value() + 5))).value();
  CHECK_FALSE((co_await parts.open_next(context)).value());
  CHECK((co_await parts.open_next(context)).value());
  CHECK(co_await partitions_of(*g.database) == 2);
  // Far enough away: another process goes on with it.
  for (int m = 130; m < 140; ++m) co_await minute(g.events, dice, m, 60);
  const auto past = (co_await g.events.last_sequence(context)).value() + 100;
  ports::batch b = announce(past);
  const auto name = (co_await g.database->query(
                         context, {.sql = "SELECT MAX(CAST(tableoid AS regclass)::TEXT) FROM geo_event_changes WHERE "
                                          "sequence = (SELECT MAX(sequence) FROM geo_event_changes)"}))
                        .value();
  b.front().sql.replace(12, std::string_view("geo_event_changes_0").size(), name.at(0, 0).text());
  (co_await g.database->execute(context, std::move(b))).value();
  CHECK((co_await parts.open_next(context)).value());
  CHECK(co_await number(*g.database, "SELECT COUNT(*) FROM pg_class WHERE relname = 'geo_event_changes_" +
                                         std::to_string(past) +
                                         "' AND relnamespace = CAST(current_schema() AS regnamespace)") == 1);
}

awaitable<void> a_long_question_is_waited_for(geo_database& g) {
  runtime::random dice(17);
  history_partitions parts(*g.database, small);
  runtime::manual_clock clock(start);
  for (int m = 0; m < 20; ++m) co_await minute(g.events, dice, m, 60);
  CHECK((co_await parts.open_next(context)).value());
  for (int m = 20; m < 40; ++m) co_await minute(g.events, dice, m, 60);
  clock.set(start + 2h);
  const auto all = horizons(start + 2h);
  const auto rows = co_await number(*g.database, "SELECT COUNT(*) FROM geo_event_changes");
  auto question = (co_await g.database->begin(context)).value();
  (co_await question->query(context, {.sql = "SELECT COUNT(*) FROM geo_event_changes"})).value();
  const auto tried = co_await parts.compact(context, all);
  REQUIRE(tried.has_error());
  CHECK(tried.error() == errc::conflict);
  CHECK((co_await parts.open_next(context)).error() == errc::conflict);
  CHECK(co_await number(*g.database, "SELECT COUNT(*) FROM geo_event_changes") == rows);
  CHECK((co_await parts.left(context, all))->size() == 1);  // still, for the next time
  (co_await question->rollback(context)).value();
  CHECK((co_await parts.compact(context, all)).value().has_value());
  CHECK((co_await parts.left(context, all))->empty());
}

awaitable<void> space_is_given_back(geo_database& g) {
  runtime::random dice(19);
  history_partitions parts(*g.database, small);
  runtime::manual_clock clock(start);
  for (int m = 0; m < 50; ++m) {
    co_await minute(g.events, dice, m, 200);
    (co_await parts.open_next(context)).value();
  }
  const auto before = co_await bytes_of_history(*g.database);
  clock.set(start + 48h);
  const auto all = std::vector<history_horizon>{{"sim", start + 24h}, {"slow", start + 24h}};
  std::size_t dropped = 0;
  while (const auto one = (co_await parts.compact(context, all)).value()) dropped += one->dropped;
  CHECK(dropped > 3000);
  CHECK(co_await bytes_of_history(*g.database) < before / 3);
  CHECK(co_await partitions_of(*g.database) <= 4);
}

/// What must be kept is most of it: the rows are left to prune().
awaitable<void> not_worth_it(geo_database& g) {
  history_partitions parts(*g.database, small);
  runtime::manual_clock clock(start);
  std::vector<event> seen;
  seen.reserve(1000);
  for (int i = 0; i < 1000; ++i) seen.push_back(made(i, 1));
  (co_await g.events.store(context, seen_at(start, seen))).value();
  seen.resize(100);
  for (auto& e : seen) e.text = "another";
  (co_await g.events.store(context, seen_at(start + 1min, seen))).value();
  CHECK((co_await parts.open_next(context)).value());
  std::vector<event> more;
  more.reserve(400);
  for (int i = 0; i < 400; ++i) more.push_back(made(5000 + i, 1));
  (co_await g.events.store(context, seen_at(start + 2min, more))).value();
  clock.set(start + 1h);
  const auto all = std::vector<history_horizon>{{"sim", start + 30min}, {"slow", start + 30min}};
  CHECK((co_await parts.left(context, all))->size() == 1);
  CHECK_FALSE((co_await parts.compact(context, all)).value());
  CHECK((co_await parts.left(context, all))->empty());
  co_await prune_both(g.events, start + 50min, {});
  CHECK(co_await number(*g.database, "SELECT COUNT(*) FROM geo_event_changes") == 1400);
}

}  // namespace

TEST_CASE("a database of version 4 becomes partitioned in place") {
  if (!tests::service_url("postgres")) return;
  tests::on_a_loop(
      [](runtime::runtime& loops) { return version_4_is_brought_forward(loops, tests::fresh_postgres_schema()); });
}
TEST_CASE("partitions forget what batches forget") { on_postgres(forgetting_alike); }
TEST_CASE("readers and writers go on while the history is compacted") { on_postgres(nobody_is_disturbed); }
TEST_CASE("an announced end of a partition stops no writer") { on_postgres(announced_ends_stop_nobody); }
TEST_CASE("a compaction waits for a long question") { on_postgres(a_long_question_is_waited_for); }
TEST_CASE("a compacted history gives its space back") { on_postgres(space_is_given_back); }
TEST_CASE("what must mostly be kept is not rewritten") { on_postgres(not_worth_it); }
