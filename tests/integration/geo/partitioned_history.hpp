// A history in partitions on PostgreSQL: how it is filled and asked.
#pragma once

#include "geo_database.hpp"

#include "distsys/domain/geo/history_partitions.hpp"

#include <map>
#include <string>
#include <vector>

namespace distsys::tests::partitioned {

using namespace domain::geo;
using namespace std::chrono_literals;

inline const ports::call_context context;
inline constexpr std::int64_t small = 200;  // changes that a partition is for

inline awaitable<std::int64_t> number(ports::database& db, std::string sql) {
  co_return (co_await db.query(context, {.sql = std::move(sql)})).value().at(0, 0).integer();
}
inline awaitable<std::int64_t> partitions_of(ports::database& db) {
  co_return co_await number(db,
                            "SELECT COUNT(*) FROM pg_inherits WHERE inhparent = CAST('geo_event_changes' AS regclass)");
}

inline event made(int i, int state) {
  event e;
  e.source = i % 4 == 0 ? "slow" : "sim";
  e.id = "e" + std::to_string(i);
  e.kind = "jam";
  e.at = {-70.66 + 0.001 * i, -33.45 + 0.0001 * (state % 7)};
  e.text = "state " + std::to_string(state) + " " + std::string(100, 'x');
  return e;
}

/// A minute of a history that is the same wherever it is told: most events of `population` change, some end.
inline awaitable<void> minute(event_repository& events, runtime::random& dice, int m, int population) {
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

template <class F>
void on_postgres(F test) {
  if (!service_url("postgres")) return;
  on_a_loop([&](runtime::runtime& loops) { return run_with_database(loops, fresh_postgres_schema(), test); });
}

}  // namespace distsys::tests::partitioned
