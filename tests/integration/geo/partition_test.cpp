// On PostgreSQL: the history in partitions, made of what was none, and opened while it is written.
#include "partitioned_history.hpp"

#include <boost/asio/experimental/awaitable_operators.hpp>

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

}  // namespace

TEST_CASE("a database of version 4 becomes partitioned in place") {
  if (!tests::service_url("postgres")) return;
  tests::on_a_loop(
      [](runtime::runtime& loops) { return version_4_is_brought_forward(loops, tests::fresh_postgres_schema()); });
}
TEST_CASE("an announced end of a partition stops no writer") { on_postgres(announced_ends_stop_nobody); }
