// On PostgreSQL: partitions of the history compacted, while they are read and written.
#include "partitioned_history.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>

using namespace distsys;
using namespace distsys::domain::geo;
using namespace std::chrono_literals;
using namespace distsys::tests::partitioned;
using distsys::tests::geo_database;
using distsys::tests::open_database;
using distsys::tests::seen_at;
using distsys::tests::start;
using distsys::tests::there_at;

namespace {

awaitable<std::int64_t> bytes_of_history(ports::database& db) {
  co_return co_await number(db,
                            "SELECT CAST(SUM(pg_total_relation_size(inhrelid)) AS BIGINT) FROM pg_inherits WHERE "
                            "inhparent = CAST('geo_event_changes' AS regclass)");
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

TEST_CASE("partitions forget what batches forget") { on_postgres(forgetting_alike); }
TEST_CASE("readers and writers go on while the history is compacted") { on_postgres(nobody_is_disturbed); }
TEST_CASE("a compaction waits for a long question") { on_postgres(a_long_question_is_waited_for); }
TEST_CASE("a compacted history gives its space back") { on_postgres(space_is_given_back); }
TEST_CASE("what must mostly be kept is not rewritten") { on_postgres(not_worth_it); }
