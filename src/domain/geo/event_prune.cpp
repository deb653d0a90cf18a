// event_repository's forgetting: finds by reading what need not be kept, and deletes it in short transactions.
#include <algorithm>
#include <numeric>

#include "distsys/domain/geo/event_repository.hpp"
#include "history_catalog.hpp"

namespace distsys::domain::geo {
namespace {

constexpr std::size_t chunk = 4096;  // rows that one reading looks at

std::int64_t ms(timestamp t) noexcept { return t.time_since_epoch().count(); }

/// Runs what deletes from the history, and first raises the floor: rows of all the rest. None while the history is
/// compacted.
awaitable<result<std::size_t>> delete_above_floor(const ports::call_context& context, ports::database& db,
                                                  ports::batch b) {
  const bool shared = db.sql_dialect() == ports::dialect::postgres;
  if (shared)
    b.insert(b.begin(), {.sql = "UPDATE geo_pruned SET floor = floor WHERE pg_try_advisory_xact_lock_shared(" +
                                std::to_string(static_cast<std::int64_t>(history_lock::rows)) + ")",
                         .expected_rows = 1});
  const auto done = co_await db.execute(context, std::move(b));
  if (shared && !done && done.error() == errc::conflict) co_return std::size_t{0};
  if (!done) co_return done.error();
  co_return std::accumulate(done->affected.begin() + (shared ? 2 : 1), done->affected.end(), std::size_t{0});
}

/// What is left to others stays, and does not belong to an event any more: then it need not be kept, either.
std::string outside(std::span<const sequence_range> left) {
  std::string sql;
  for (const auto& r : left)
    sql += " AND (sequence < " + std::to_string(r.first) + " OR sequence >= " + std::to_string(r.past) + ")";
  return sql;
}

/// Events that ended or expired, oldest first, as many as have about `most` rows: key and revision.
awaitable<result<ports::table>> old_events(const ports::call_context& context, ports::database& db,
                                           const retention& what, std::size_t most) {
  ports::statement s{.sql =
                         "SELECT e.event_key, e.revision, (SELECT COUNT(*) FROM geo_event_changes c "
                         "WHERE c.event_key = e.event_key) FROM geo_events e WHERE e.expires < ? AND "
                         "((e.cell < 0 AND e.expires < ?) OR (e.cell >= 0 AND e.expires < ? AND e.observed < ?))",
                     .parameters = ports::table(what.source.empty() ? 5 : 6)};
  if (!what.source.empty()) s.sql += " AND COALESCE(e.source, '') = ?";
  s.sql += " ORDER BY e.expires LIMIT ?";
  s.parameters.add(std::max(ms(what.ended_before), ms(what.expired_before)));
  s.parameters.add(ms(what.ended_before));
  s.parameters.add(ms(what.expired_before));
  s.parameters.add(ms(what.expired_before));
  if (!what.source.empty()) s.parameters.add(what.source);
  s.parameters.add(static_cast<std::int64_t>(std::max<std::size_t>(most / 2, 1)));
  const auto t = co_await db.query(context, std::move(s), {.primary = true});
  if (!t) co_return t.error();
  ports::table events(2);
  std::size_t rows = 0;
  for (std::size_t i = 0; i < t->rows() && rows < most; ++i) {
    events.add(t->at(i, 0).integer());
    events.add(t->at(i, 1).integer());
    rows += 1 + static_cast<std::size_t>(t->at(i, 2).integer());
  }
  co_return events;
}

awaitable<result<std::size_t>> delete_events(const ports::call_context& context, ports::database& db,
                                             const retention& what, std::size_t most) {
  auto events = co_await old_events(context, db, what, most);
  if (!events) co_return events.error();
  if (events->empty()) co_return std::size_t{0};
  ports::table twice(2);
  for (std::size_t i = 0; i < events->rows(); ++i)
    for (int k = 0; k < 2; ++k) twice.add(events->at(i, 0).integer());
  ports::batch b;
  constexpr std::string_view newest =
      "(SELECT COALESCE(MAX(c.sequence), 0) FROM geo_event_changes c WHERE c.event_key = ?)";
  b.push_back(
      {.sql = "UPDATE geo_pruned SET sequence = " + std::string(newest) + " WHERE sequence < " + std::string(newest),
       .parameters = twice});
  // One that has changed since it was read stays, and all of it with it.
  b.push_back({.sql = "DELETE FROM geo_events WHERE event_key = ? AND revision = ?", .parameters = std::move(*events)});
  // The derived table is what MySQL asks for to read the table that it deletes from.
  b.push_back({.sql = "DELETE FROM geo_event_changes WHERE event_key = ? AND sequence < "
                      "(SELECT m.newest FROM (SELECT MAX(sequence) AS newest FROM geo_event_changes) m) "
                      "AND NOT EXISTS (SELECT 1 FROM geo_events e WHERE e.event_key = ?)" +
                      outside(what.left),
               .parameters = twice});
  b.push_back({.sql = "DELETE FROM geo_event_aliases WHERE event_key = ? AND NOT EXISTS "
                      "(SELECT 1 FROM geo_events e WHERE e.event_key = ?)",
               .parameters = std::move(twice)});
  co_return co_await delete_above_floor(context, db, std::move(b));
}

/// One look at the history: what follows `after`, and whether each row may go.
ports::statement history_statement(const retention& what, std::int64_t after) {
  const bool of_source = !what.source.empty();
  // A row may go when its event has a later one that is old, too: then nobody asks for the time when it held. And when
  // its event is gone: the newest change of all had to stay then.
  ports::statement s{.sql =
                         "SELECT c.sequence, c.recorded, CASE WHEN EXISTS (SELECT 1 FROM geo_event_changes n WHERE "
                         "n.event_key = c.event_key AND n.observed >= c.observed AND n.observed < ? AND "
                         "n.sequence > c.sequence)",
                     .parameters = ports::table(of_source ? 4 : 3)};
  s.parameters.add(ms(what.history_before));
  s.sql += of_source ? " THEN 1 ELSE 0 END FROM geo_event_changes c JOIN geo_events e ON e.event_key = c.event_key "
                     : " OR NOT EXISTS (SELECT 1 FROM geo_events e WHERE e.event_key = c.event_key) THEN 1 ELSE 0 END "
                       "FROM geo_event_changes c ";
  s.sql += "WHERE c.sequence > ? AND c.sequence < (SELECT MAX(m.sequence) FROM geo_event_changes m)";
  s.parameters.add(after);
  // Of an event always the oldest rows go: what follows those that are left has to wait.
  if (!what.left.empty()) s.sql += " AND c.sequence < " + std::to_string(what.left.front().first);
  if (of_source) s.sql += " AND COALESCE(e.source, '') = ?", s.parameters.add(what.source);
  s.sql += " ORDER BY c.sequence LIMIT ?";
  s.parameters.add(static_cast<std::int64_t>(chunk));
  return s;
}

/// Goes through the history from `position`, oldest first, so that of an event always the oldest rows go. Ends where
/// the rows were recorded later: `position` is 0 again then.
awaitable<result<std::size_t>> delete_history(const ports::call_context& context, ports::database& db,
                                              const retention& what, std::size_t most,
                                              std::atomic<std::int64_t>& position) {
  ports::statement gone{.sql = "DELETE FROM geo_event_changes WHERE sequence = ?", .parameters = ports::table(1)};
  for (bool more = true; more && gone.parameters.rows() < most;) {
    const auto t = co_await db.query(context, history_statement(what, position), {.primary = true});
    if (!t) co_return t.error();
    more = t->rows() == chunk;
    for (std::size_t i = 0; i < t->rows() && gone.parameters.rows() < most; ++i) {
      if (t->at(i, 1).integer() >= ms(std::max(what.history_before, what.orphans_before))) {
        more = false;
        break;
      }
      position = t->at(i, 0).integer();
      if (t->at(i, 2).integer() == 1) gone.parameters.add(t->at(i, 0).integer());
    }
    if (!more) position = 0;
  }
  if (gone.parameters.empty()) co_return std::size_t{0};
  const std::int64_t last = gone.parameters.at(gone.parameters.rows() - 1, 0).integer();
  ports::batch b;
  b.push_back(
      {.sql = "UPDATE geo_pruned SET sequence = ? WHERE sequence < ?", .parameters = ports::table::row(last, last)});
  b.push_back(std::move(gone));
  co_return co_await delete_above_floor(context, db, std::move(b));
}

awaitable<result<std::size_t>> delete_letters(const ports::call_context& context, ports::database& db,
                                              const retention& what, std::size_t most) {
  ports::statement s{.sql = "SELECT letter, recorded FROM geo_dead_letters",
                     .parameters = ports::table(what.source.empty() ? 1 : 2)};
  if (!what.source.empty()) s.sql += " WHERE source = ?", s.parameters.add(what.source);
  s.sql += " ORDER BY letter LIMIT ?";
  s.parameters.add(static_cast<std::int64_t>(std::min(most, chunk)));
  const auto t = co_await db.query(context, std::move(s), {.primary = true});
  if (!t) co_return t.error();
  ports::statement gone{.sql = "DELETE FROM geo_dead_letters WHERE letter = ?", .parameters = ports::table(1)};
  for (std::size_t i = 0; i < t->rows() && t->at(i, 1).integer() < ms(what.history_before); ++i)
    gone.parameters.add(t->at(i, 0).integer());
  if (gone.parameters.empty()) co_return std::size_t{0};
  ports::batch b;
  b.push_back(std::move(gone));
  const auto done = co_await db.execute(context, std::move(b));
  if (!done) co_return done.error();
  co_return std::size_t{done->affected.front()};
}

}  // namespace

awaitable<result<std::size_t>> event_repository::prune(const ports::call_context& context, retention what,
                                                       std::size_t most) {
  most = std::max<std::size_t>(most, 1);
  auto done = co_await delete_events(context, *db_, what, most);
  if (done && *done == 0) done = co_await delete_history(context, *db_, what, most, *history_position_);
  if (done && *done == 0) done = co_await delete_letters(context, *db_, what, most);
  co_return done;
}

awaitable<result<std::int64_t>> event_repository::pruned_through(const ports::call_context& context) {
  const auto rows = co_await db_->query(context, {.sql = "SELECT sequence FROM geo_pruned"});
  if (!rows) co_return rows.error();
  co_return rows->empty() ? std::int64_t{0} : rows->at(0, 0).integer();
}

}  // namespace distsys::domain::geo
