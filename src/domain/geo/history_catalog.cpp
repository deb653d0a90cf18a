#include "history_catalog.hpp"

#include "distsys/runtime/clock.hpp"

#include <algorithm>
#include <charconv>
#include <string_view>

namespace distsys::domain::geo {
namespace {

using namespace std::chrono_literals;

constexpr std::int64_t lowest = INT64_MIN;
constexpr int lock_attempts = 8;
constexpr auto lock_pause = 500ms;

/// The number after a mark, in quotes or not.
std::optional<std::int64_t> number_after(std::string_view text, std::string_view mark) {
  const auto at = text.find(mark);
  if (at == std::string_view::npos) return std::nullopt;
  text.remove_prefix(at + mark.size());
  if (text.starts_with('\'')) text.remove_prefix(1);
  std::int64_t n = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), n).ec != std::errc()) return std::nullopt;
  return n;
}

// Its columns: name, bounds, comment, constraint, whether that is proved.
constexpr std::string_view partitions_sql =
    "SELECT CAST(c.relname AS TEXT), pg_get_expr(c.relpartbound, c.oid), COALESCE(obj_description(c.oid, 'pg_class'), "
    "''), COALESCE(pg_get_constraintdef(k.oid), ''), CASE WHEN k.convalidated THEN 1 ELSE 0 END FROM pg_inherits i "
    "JOIN pg_class c ON c.oid = i.inhrelid LEFT JOIN pg_constraint k ON k.conrelid = c.oid AND "
    "k.conname = 'geo_event_changes_range' WHERE i.inhparent = CAST('geo_event_changes' AS regclass)";

history_partition partition_of(const ports::table& t, std::size_t row) {
  history_partition p;
  p.name = t.at(row, 0).text();
  p.range.first = number_after(t.at(row, 1).text(), "FROM (").value_or(lowest);
  p.range.past = number_after(t.at(row, 1).text(), "TO (").value_or(history_partition::open_end);
  p.rows = number_after(t.at(row, 2).text(), "rows: ");
  p.announced = number_after(t.at(row, 3).text(), "sequence < ").value_or(0);
  p.proved = t.at(row, 4).integer() == 1;
  return p;
}

std::string number(std::int64_t n) { return std::to_string(n); }

}  // namespace

template <class On>
awaitable<result<std::vector<history_partition>>> read_partitions(const ports::call_context& context, On& on) {
  const auto t = co_await on.query(context, ports::statement{.sql = std::string(partitions_sql)});
  if (!t) co_return t.error();
  std::vector<history_partition> all;
  all.reserve(t->rows());
  for (std::size_t i = 0; i < t->rows(); ++i) all.push_back(partition_of(*t, i));
  std::ranges::sort(all, {}, [](const history_partition& p) { return p.range.first; });
  co_return all;
}
template awaitable<result<std::vector<history_partition>>> read_partitions(const ports::call_context&,
                                                                           ports::database&);
template awaitable<result<std::vector<history_partition>>> read_partitions(const ports::call_context&,
                                                                           ports::transaction&);

awaitable<result<std::optional<recorded_span>>> read_span(const ports::call_context& context, ports::database& db,
                                                          const history_partition& p) {
  constexpr std::string_view rows = "FROM geo_event_changes WHERE sequence >= ? AND sequence < ? ORDER BY sequence";
  const std::string sql = "SELECT f.sequence, f.recorded, l.recorded FROM (SELECT sequence, recorded " +
                          std::string(rows) + " LIMIT 1) f CROSS JOIN (SELECT recorded " + std::string(rows) +
                          " DESC LIMIT 1) l";
  const auto t = co_await db.query(
      context, {.sql = sql, .parameters = ports::table::row(p.range.first, p.range.past, p.range.first, p.range.past)},
      {.primary = true});
  if (!t) co_return t.error();
  if (t->rows() == 0) co_return std::optional<recorded_span>();
  co_return recorded_span{t->at(0, 0).integer(), t->at(0, 1).integer(), t->at(0, 2).integer()};
}

template <class On>
awaitable<result<std::int64_t>> newest_sequence(const ports::call_context& context, On& on) {
  const auto t =
      co_await on.query(context, ports::statement{.sql = "SELECT COALESCE(MAX(sequence), 0) FROM geo_event_changes"});
  if (!t) co_return t.error();
  co_return t->at(0, 0).integer();
}

template awaitable<result<std::int64_t>> newest_sequence(const ports::call_context&, ports::database&);
template awaitable<result<std::int64_t>> newest_sequence(const ports::call_context&, ports::transaction&);

std::string range_condition(const sequence_range& r) {
  const std::string end = "sequence < " + number(r.past);
  return r.first == lowest ? end : "sequence >= " + number(r.first) + " AND " + end;
}

std::string for_values(const sequence_range& r) {
  return "FOR VALUES FROM (" + (r.first == lowest ? "MINVALUE" : number(r.first)) + ") TO (" +
         (r.past == history_partition::open_end ? "MAXVALUE" : number(r.past)) + ")";
}

awaitable<result<std::unique_ptr<ports::transaction>>> begin_alone(const ports::call_context& context,
                                                                   ports::database& db, history_lock what) {
  auto on = co_await db.begin(context);
  if (!on) co_return on.error();
  const auto held = co_await run_all(
      context, **on,
      {std::string(short_waits), "SELECT pg_advisory_xact_lock(" + number(static_cast<std::int64_t>(what)) + ")"});
  if (!held) co_return held.error();
  co_return on;
}

awaitable<result<void>> run_all(const ports::call_context& context, ports::transaction& on,
                                std::vector<std::string> statements) {
  for (std::string& sql : statements)
    if (const auto done = co_await on.execute(context, {.sql = std::move(sql)}); !done) co_return done.error();
  co_return result<void>{};
}

awaitable<result<void>> lock_out_all(const ports::call_context& context, ports::transaction& on,
                                     std::vector<std::string> partitions) {
  std::string tables = "ONLY geo_event_changes";
  for (const std::string& name : partitions) tables += ", ONLY " + name;
  // A lock that is not had undoes only the block: what the transaction has done so far stays.
  const std::string attempt = "DO $$ BEGIN LOCK TABLE " + tables +
                              " IN ACCESS EXCLUSIVE MODE; EXCEPTION WHEN lock_not_available OR deadlock_detected "
                              "THEN NULL; END $$";
  constexpr std::string_view held =
      "SELECT COUNT(*) FROM pg_locks WHERE pid = pg_backend_pid() AND mode = 'AccessExclusiveLock' AND granted AND "
      "relation = CAST('geo_event_changes' AS regclass)";
  for (int n = 1;; ++n) {
    if (const auto tried = co_await on.execute(context, {.sql = attempt}); !tried) co_return tried.error();
    const auto t = co_await on.query(context, {.sql = std::string(held)});
    if (!t) co_return t.error();
    if (t->at(0, 0).integer() > 0) co_return result<void>{};
    if (n == lock_attempts) co_return error{errc::conflict, "the history is in use for long: its lock was not had"};
    if (!co_await runtime::sleep_for(lock_pause)) co_return error{errc::cancelled};
  }
}

}  // namespace distsys::domain::geo
