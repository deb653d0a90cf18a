#include "distsys/domain/geo/history_partitions.hpp"

#include "history_catalog.hpp"
#include "history_compaction.hpp"

#include "distsys/runtime/clock.hpp"

#include <algorithm>
#include <utility>

namespace distsys::domain::geo {
namespace {

using namespace std::chrono_literals;

constexpr auto look_again = 24h;    // at a partition that was not worth it, or was compacted
constexpr int most_refusals = 16;   // of a lock: then prune() may have the rows
constexpr std::int64_t shares = 8;  // about as many partitions as this hold what is not compacted yet

/// The latest, in ms: what is younger is kept by all.
std::int64_t latest(std::span<const history_horizon> horizons) {
  timestamp t{};
  for (const auto& h : horizons) t = std::max(t, h.before);
  return t.time_since_epoch().count();
}

std::int64_t now_ms() { return runtime::now().time_since_epoch().count(); }

/// How many changes the partition that is written to was for, once it holds them; 0 before. Its newest sequence is
/// `newest`.
awaitable<result<std::int64_t>> full(const ports::call_context& context, ports::transaction& on,
                                     const std::vector<history_partition>& all, std::int64_t newest,
                                     std::int64_t size) {
  const auto t = co_await on.query(context, {.sql = "SELECT COALESCE(MIN(sequence), 0) FROM geo_event_changes"});
  if (!t) co_return t.error();
  const std::int64_t oldest = t->at(0, 0).integer();
  const auto young = std::ranges::find_if(all, [](const history_partition& p) { return !p.rows; });
  const std::int64_t of_all = newest - std::max(oldest, young->range.first);
  const std::int64_t here = newest - std::max(oldest, all.back().range.first) + 1;
  // Where there are many changes, larger partitions: each one makes every question of the history a little dearer.
  const std::int64_t enough = std::max(size, of_all / shares);
  co_return here >= enough ? enough : 0;
}

std::string reopened(const history_partition& tail) {
  return "ALTER TABLE " + tail.name + " DROP CONSTRAINT IF EXISTS " + std::string(range_constraint);
}

/// One step towards the next partition.
enum class step { none, announced, proved, opened };

awaitable<result<step>> announce(const ports::call_context& context, ports::transaction& on,
                                 const history_partition& tail, std::int64_t past) {
  // NOT VALID: new rows are held to it, those that are there are looked at later, while others go on.
  const auto done = co_await run_all(context, on,
                                     {"ALTER TABLE " + tail.name + " ADD CONSTRAINT " + std::string(range_constraint) +
                                      " CHECK (" + range_condition({tail.range.first, past}) + ") NOT VALID"});
  if (!done) co_return done.error();
  co_return step::announced;
}

awaitable<result<step>> prove(const ports::call_context& context, ports::transaction& on,
                              const history_partition& tail) {
  // Nobody waits behind this lock, and the server ends a vacuum for it.
  const auto done =
      co_await run_all(context, on,
                       {"SET LOCAL lock_timeout = 30000", "SET LOCAL enable_seqscan = on",
                        "ALTER TABLE " + tail.name + " VALIDATE CONSTRAINT " + std::string(range_constraint)});
  if (!done) co_return done.error();
  co_return step::proved;
}

awaitable<result<step>> open(const ports::call_context& context, ports::transaction& on,
                             const history_partition& tail) {
  const std::string next = "geo_event_changes_" + std::to_string(tail.announced);
  if (auto ok = co_await run_all(
          context, on, {"CREATE TABLE " + next + " (LIKE geo_event_changes INCLUDING DEFAULTS INCLUDING INDEXES)"});
      !ok)
    co_return ok.error();
  if (auto ok = co_await lock_out_all(context, on, {tail.name}); !ok) co_return ok.error();
  const auto done = co_await run_all(context, on,
                                     {"ALTER TABLE geo_event_changes DETACH PARTITION " + tail.name,
                                      "ALTER TABLE geo_event_changes ATTACH PARTITION " + tail.name + " " +
                                          for_values({tail.range.first, tail.announced}),
                                      "ALTER TABLE geo_event_changes ATTACH PARTITION " + next + " " +
                                          for_values({tail.announced, history_partition::open_end})});
  if (!done) co_return done.error();
  co_return step::opened;
}

/// What is there says what comes next: so another process goes on where one was killed.
awaitable<result<step>> go_on(const ports::call_context& context, ports::database& db, std::int64_t size) {
  auto begun = co_await begin_alone(context, db, history_lock::bounds);
  if (!begun) co_return begun.error();
  ports::transaction& on = **begun;
  const auto all = co_await read_partitions(context, on);
  if (!all) co_return all.error();
  const auto newest = co_await newest_sequence(context, on);
  if (!newest) co_return newest.error();
  const history_partition& tail = all->back();
  result<step> did = step::none;
  if (tail.announced == 0) {
    const auto due = co_await full(context, on, *all, *newest, size);
    if (!due) co_return due.error();
    if (*due > 0) did = co_await announce(context, on, tail, *newest + 1 + *due / 4);
  } else if (*newest + size / 16 >= tail.announced) {
    // Too late: writers are nearly there.
    if (auto ok = co_await run_all(context, on, {reopened(tail)}); !ok) co_return ok.error();
  } else {
    did = tail.proved ? co_await open(context, on, tail) : co_await prove(context, on, tail);
  }
  if (!did) co_return did.error();
  if (auto ok = co_await on.commit(context); !ok) co_return ok.error();
  co_return did;
}

}  // namespace

awaitable<result<bool>> history_partitions::open_next(const ports::call_context& context) {
  if (db_.sql_dialect() != ports::dialect::postgres) co_return false;
  for (;;) {
    const auto did = co_await go_on(context, db_, size_);
    if (!did) co_return did.error();
    if (*did == step::none || *did == step::opened) co_return *did == step::opened;
  }
}

awaitable<result<void>> history_partitions::reopen(const ports::call_context& context, ports::database& db, error why) {
  if (why != errc::invalid || why.detail.find(range_constraint) == std::string::npos) co_return why;
  const auto all = co_await read_partitions(context, db);
  if (!all) co_return all.error();
  // When it is open already, it was another process that opened it, or the next one, since.
  if (all->back().announced == 0) co_return result<void>{};
  ports::batch b;
  b.push_back({.sql = std::string(short_waits)});
  b.push_back({.sql = reopened(all->back())});
  const auto done = co_await db.execute(context, std::move(b));
  if (done) co_return result<void>{};
  co_return error{errc::unavailable, "the history's newest partition cannot be reopened now: " + done.error().detail};
}

bool history_partitions::looked_at(std::int64_t first) const {
  const auto at = looked_.find(first);
  return at != looked_.end() && runtime::now() - at->second < look_again;
}

awaitable<result<std::vector<sequence_range>>> history_partitions::left(const ports::call_context& context,
                                                                        std::span<const history_horizon> horizons) {
  std::vector<sequence_range> ranges;
  const std::int64_t horizon = latest(horizons);
  if (db_.sql_dialect() != ports::dialect::postgres || horizon == 0) co_return ranges;
  const auto all = co_await read_partitions(context, db_);
  if (!all) co_return all.error();
  const auto newest = co_await newest_sequence(context, db_);
  if (!newest) co_return newest.error();
  for (const auto& p : *all) {
    if (p.range.past > *newest) break;
    const auto span = co_await read_span(context, db_, p);
    if (!span) co_return span.error();
    if (!*span) continue;
    if ((*span)->first >= horizon) break;
    const bool soon = (*span)->last - (*span)->first <= (now_ms() - horizon) / shares;
    if ((*span)->last < horizon ? !looked_at(p.range.first) : soon) ranges.push_back(p.range);
  }
  co_return ranges;
}

awaitable<result<std::optional<compaction>>> history_partitions::compact(const ports::call_context& context,
                                                                         std::span<const history_horizon> horizons) {
  const std::int64_t horizon = latest(horizons);
  if (db_.sql_dialect() != ports::dialect::postgres || horizon == 0) co_return std::nullopt;
  const auto all = co_await read_partitions(context, db_);
  if (!all) co_return all.error();
  const auto newest = co_await newest_sequence(context, db_);
  if (!newest) co_return newest.error();
  const history_partition* before = nullptr;
  for (const auto& p : *all) {
    // The newest change of all stays where it is.
    if (p.range.past > *newest) break;
    const auto* neighbour = std::exchange(before, &p);
    if (looked_at(p.range.first) || p.rows == 0) continue;
    const auto span = co_await read_span(context, db_, p);
    if (!span) co_return span.error();
    if (*span && (*span)->last >= horizon) break;
    compaction_order order{.what = p, .before = {}, .most = size_, .written = 0, .horizons = horizons};
    if (neighbour != nullptr && neighbour->rows) order.before = *neighbour;
    order.written = p.rows.value_or(*span ? p.range.past - (*span)->first_sequence : 1);
    const auto did = co_await compact_partition(context, db_, std::move(order));
    if (!did && did.error() == errc::conflict && ++refused_[p.range.first] < most_refusals) co_return did.error();
    refused_.erase(p.range.first);
    looked_[p.range.first] = runtime::now();
    if (!did) co_return did.error();
    if (did->done) {
      looked_[did->done->range.first] = runtime::now();
      co_return did->done;
    }
    // Of an event the oldest rows go first: before what follows is compacted, prune() deletes those of this one.
    if (did->superfluous > 0) co_return std::nullopt;
  }
  co_return std::nullopt;
}

}  // namespace distsys::domain::geo
