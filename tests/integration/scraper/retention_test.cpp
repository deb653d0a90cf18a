// The scraper's sweep: what it leaves is the same in SQLite, row by row, and in PostgreSQL, by partition.
#include "roles/scraper/retention.hpp"

#include "tests/integration/geo/geo_database.hpp"

#include <map>
#include <set>

using namespace distsys;
using namespace distsys::domain::geo;
using namespace std::chrono_literals;
using distsys::tests::geo_database;
using distsys::tests::seen_at;
using distsys::tests::start;
using distsys::tests::there_at;

namespace {

const ports::call_context context;

event made(int i, int state) {
  static constexpr const char* sources[] = {"sim", "brief", "kept"};
  event e;
  e.source = sources[i % 3];
  e.id = "e" + std::to_string(i);
  e.kind = "jam";
  e.at = {-70.66 + 0.001 * (i % 100), -33.45};
  e.text = "state " + std::to_string(state);
  return e;
}

/// Some live for long and change, most for a few minutes.
awaitable<void> minute(event_repository& events, int m) {
  const timestamp now = start + std::chrono::minutes(m);
  std::vector<event> seen;
  seen.reserve(50);
  std::map<std::string, std::vector<std::string>> gone;
  for (int i = 0; i < 10; ++i) seen.push_back(made(i, m));
  for (int i = 0; i < 40; ++i) seen.push_back(made(100 * (m + 1) + i, m));
  for (int i = 0; i < 40 && m >= 3; ++i) {
    const event over = made(100 * (m - 2) + i, m);
    gone[over.source].push_back(over.id);
  }
  for (const auto& [source, ids] : gone) (co_await events.end(context, source, ids, now)).value();
  (co_await events.store(context, seen_at(now, std::move(seen)))).value();
}

roles::scraper::retention_settings settings() {
  const std::vector<std::string> ages{"30m", "brief=5m", "kept=0s"};
  roles::scraper::retention_settings s;
  s.events = s.history = roles::scraper::parse_ages(ages).value();
  s.changes_a_partition = 300;
  return s;
}

awaitable<std::multiset<std::int64_t>> rows_of(event_repository& events) {
  std::multiset<std::int64_t> rows;
  for (const auto& t : (co_await events.touches_after(context, 0, 100'000)).value()) rows.insert(t.sequence);
  co_return rows;
}

awaitable<void> sweeps_alike(geo_database& g) {
  tests::temporary_folder folder;
  const auto plain = tests::open_database(g.loops, tests::sqlite_address(folder.path()));
  (co_await plain->migrate(context, event_repository::migrations())).value();
  event_repository twin(plain);
  roles::scraper::retention by_partition(g.events, settings()), by_row(twin, settings());
  runtime::manual_clock clock(start);
  std::size_t most_rows = 0, most_of_twin = 0;
  for (int m = 0; m < 90; ++m) {
    const timestamp now = start + std::chrono::minutes(m);
    clock.set(now);
    co_await minute(g.events, m);
    co_await minute(twin, m);
    if (m % 3 != 0) continue;
    (co_await by_partition.sweep()).value();
    (co_await by_row.sweep()).value();
    INFO("minute " << m);
    REQUIRE(co_await there_at(g.events, now) == co_await there_at(twin, now));
    REQUIRE(co_await there_at(g.events, now - 4min) == co_await there_at(twin, now - 4min));
    most_rows = std::max(most_rows, (co_await rows_of(g.events)).size());
    most_of_twin = std::max(most_of_twin, (co_await rows_of(twin)).size());
  }
  // Those of one source in three are all kept: the others' went while more came.
  CHECK(most_rows < 2 * most_of_twin);
  // When everything is old, both keep the same rows.
  clock.set(start + 48h);
  for (int i = 0; i < 4; ++i) {
    (co_await by_partition.sweep()).value();
    (co_await by_row.sweep()).value();
  }
  CHECK(co_await rows_of(g.events) == co_await rows_of(twin));
  CHECK((co_await g.events.pruned_through(context)).value() == (co_await twin.pruned_through(context)).value());
  const auto compacted = co_await g.database->query(
      context,
      {.sql = "SELECT COUNT(*) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = "
              "CAST('geo_event_changes' AS regclass) AND obj_description(c.oid, 'pg_class') LIKE 'compacted%'"});
  CHECK(compacted.value().at(0, 0).integer() > 0);
  co_await plain->close();
}

/// A user who may not change the tables: what is old goes all the same.
awaitable<void> without_ownership(geo_database& g) {
  runtime::manual_clock clock(start);
  for (int m = 0; m < 10; ++m) co_await minute(g.events, m);
  const std::string user = "writer_" + runtime::random_hex(8);
  const auto schema = std::string(
      (co_await g.database->query(context, {.sql = "SELECT CAST(current_schema() AS TEXT)"})).value().at(0, 0).text());
  ports::batch b;
  for (const std::string& sql :
       {"CREATE ROLE " + user + " LOGIN", "GRANT USAGE ON SCHEMA " + schema + " TO " + user,
        "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA " + schema + " TO " + user,
        "GRANT USAGE ON ALL SEQUENCES IN SCHEMA " + schema + " TO " + user})
    b.push_back({.sql = sql});
  (co_await g.database->execute(context, std::move(b))).value();
  std::string address = *tests::service_url("postgres");
  address.replace(address.find("distsys@"), std::string_view("distsys").size(), user);
  const auto db = tests::open_database(g.loops, address + "?options=-c%20search_path%3D" + schema);
  event_repository events(db);
  roles::scraper::retention keeper(events, settings());
  clock.set(start + 48h);
  CHECK((co_await keeper.sweep()).value() > 100);
  (co_await events.store(context, seen_at(start + 48h, {made(1, 1)}))).value();
  co_await db->close();
}

template <class F>
void on_postgres(F test) {
  if (!tests::service_url("postgres")) return;
  tests::on_a_loop(
      [&](runtime::runtime& loops) { return tests::run_with_database(loops, tests::fresh_postgres_schema(), test); });
}

}  // namespace

TEST_CASE("a sweep by partition leaves what a sweep by row leaves") { on_postgres(sweeps_alike); }
TEST_CASE("who does not own the tables deletes row by row") { on_postgres(without_ownership); }
