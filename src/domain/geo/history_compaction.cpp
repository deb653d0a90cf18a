#include "history_compaction.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace distsys::domain::geo {
namespace {

constexpr std::string_view columns =
    "sequence, event_key, kind, observed, recorded, lon, lat, previous_lon, previous_lat, previous_feature, cell";

std::string within(const sequence_range& r) { return range_condition({r.first, r.past}); }

/// Sequences of what must be kept, and the parameters. Of an event all rows but the last one that is older than its
/// source's horizon and those after it may go. The next row of the same event is looked for here; only for the last
/// one here in what follows.
ports::statement kept_rows(const sequence_range& r, std::span<const history_horizon> horizons) {
  ports::statement s{.sql = "WITH h (source, before) AS (VALUES ", .parameters = ports::table(2 * horizons.size())};
  for (std::size_t i = 0; i < horizons.size(); ++i) {
    s.sql += i == 0 ? "(CAST(? AS TEXT), CAST(? AS BIGINT))" : ", (?, ?)";
    s.parameters.add(horizons[i].source);
    s.parameters.add(std::int64_t{horizons[i].before.time_since_epoch().count()});
  }
  s.sql +=
      ") SELECT c.sequence FROM (SELECT c.sequence, c.event_key, e.source, LEAD(c.observed) OVER "
      "(PARTITION BY c.event_key ORDER BY c.sequence) AS next FROM geo_event_changes c "
      "JOIN geo_events e ON e.event_key = c.event_key WHERE " +
      within(r) +
      ") c LEFT JOIN h ON h.source = c.source WHERE h.before IS NULL OR COALESCE(c.next, (SELECT MIN(n.observed) FROM "
      "geo_event_changes n WHERE n.event_key = c.event_key AND n.sequence >= " +
      std::to_string(r.past) + "), " + std::to_string(INT64_MAX) + ") >= h.before";
  return s;
}

awaitable<result<std::int64_t>> count(const ports::call_context& context, ports::transaction& on, ports::statement s) {
  s.sql = "SELECT COUNT(*) FROM (" + s.sql + ") s";
  const auto t = co_await on.query(context, std::move(s));
  if (!t) co_return t.error();
  co_return t->at(0, 0).integer();
}

/// The transaction, and what it works on.
class rewriting {
 public:
  rewriting(const ports::call_context& context, ports::transaction& on, compaction_order& order)
      : context_(context), on_(on), order_(order), range_(order.what.range), old_{order.what.name} {}

  awaitable<result<compaction_result>> run() {
    // Readers go on; who deletes waits. Of what is not written to any more nothing else changes.
    if (auto ok = co_await hold(order_.what); !ok) co_return ok.error();
    const auto kept = co_await count(context_, on_, kept_rows(range_, order_.horizons));
    if (!kept) co_return kept.error();
    if (*kept * 2 > order_.written) {
      const auto all =
          co_await count(context_, on_, {.sql = "SELECT c.sequence FROM geo_event_changes c WHERE " + within(range_)});
      if (!all) co_return all.error();
      co_return compaction_result{{}, *all - *kept};
    }
    if (order_.before && *order_.before->rows + *kept <= order_.most) {
      if (auto ok = co_await hold(*order_.before); !ok) co_return ok.error();
      range_.first = order_.before->range.first;
      old_.push_back(order_.before->name);
    }
    if (auto ok = co_await copy(); !ok) co_return ok.error();
    if (auto ok = co_await exchange(); !ok) co_return ok.error();
    co_return compaction_result{done_, 0};
  }

 private:
  /// Nobody reads or writes behind this lock, so that it may take the second after which the server ends a vacuum.
  awaitable<result<void>> hold(const history_partition& p) {
    co_return co_await run_all(
        context_, on_,
        {"SET LOCAL lock_timeout = 2500", "LOCK TABLE " + p.name + " IN SHARE MODE", std::string(short_waits)});
  }

  awaitable<result<void>> copy() {
    fresh_ = old_.back() + "_new";
    if (auto ok = co_await run_all(context_, on_,
                                   {"CREATE TABLE " + fresh_ + " (LIKE geo_event_changes INCLUDING DEFAULTS)"});
        !ok)
      co_return ok;
    ports::statement s = kept_rows(range_, order_.horizons);
    s.sql = "INSERT INTO " + fresh_ + " SELECT " + std::string(columns) + " FROM geo_event_changes c WHERE " +
            within(range_) + " AND c.sequence IN (" + s.sql + ") ORDER BY c.sequence";
    const auto rows = co_await on_.execute(context_, std::move(s));
    if (!rows) co_return rows.error();
    done_.kept = *rows;
    done_.range = range_;
    // With the constraint and the indexes it fits without being looked through.
    if (auto ok = co_await run_all(
            context_, on_,
            {"ALTER TABLE " + fresh_ + " ADD PRIMARY KEY (sequence), ADD CONSTRAINT " + std::string(range_constraint) +
                 " CHECK (" + range_condition(range_) + ")",
             "CREATE INDEX ON " + fresh_ + " (event_key, observed, sequence)",
             "CREATE INDEX ON " + fresh_ + " (cell, observed, kind, event_key)",
             "COMMENT ON TABLE " + fresh_ + " IS 'compacted; rows: " + std::to_string(done_.kept) + "'",
             "ANALYZE " + fresh_});
        !ok)
      co_return ok;
    const auto gone = co_await on_.query(
        context_,
        {.sql = "SELECT COUNT(*), COALESCE(MAX(c.sequence), 0) FROM geo_event_changes c WHERE " + within(range_) +
                " AND NOT EXISTS (SELECT 1 FROM " + fresh_ + " f WHERE f.sequence = c.sequence)"});
    if (!gone) co_return gone.error();
    done_.dropped = static_cast<std::size_t>(gone->at(0, 0).integer());
    floor_ = gone->at(0, 1).integer();
    co_return result<void>{};
  }

  /// The short part, in which nobody reads or writes the history.
  awaitable<result<void>> exchange() {
    if (auto ok = co_await lock_out_all(context_, on_, old_); !ok) co_return ok;
    std::vector<std::string> steps;
    for (const std::string& name : old_) {
      steps.push_back("ALTER TABLE geo_event_changes DETACH PARTITION " + name);
      steps.push_back("DROP TABLE " + name);
    }
    steps.push_back("ALTER TABLE geo_event_changes ATTACH PARTITION " + fresh_ + " " + for_values(range_));
    steps.push_back("ALTER TABLE " + fresh_ + " RENAME TO " + old_.back());
    if (auto ok = co_await run_all(context_, on_, std::move(steps)); !ok) co_return ok;
    const auto floor = co_await on_.execute(context_, {.sql = "UPDATE geo_pruned SET sequence = ? WHERE sequence < ?",
                                                       .parameters = ports::table::row(floor_, floor_)});
    if (!floor) co_return floor.error();
    co_return result<void>{};
  }

  const ports::call_context& context_;
  ports::transaction& on_;
  compaction_order& order_;
  sequence_range range_;
  std::vector<std::string> old_;  // the name of the earlier one last
  std::string fresh_;
  compaction done_;
  std::int64_t floor_ = 0;
};

bool unchanged(const std::vector<history_partition>& now, const history_partition& p) {
  return std::ranges::any_of(now, [&](const history_partition& q) {
    return q.name == p.name && q.range.first == p.range.first && q.range.past == p.range.past && q.rows == p.rows;
  });
}

}  // namespace

awaitable<result<compaction_result>> compact_partition(const ports::call_context& context, ports::database& db,
                                                       compaction_order order) {
  auto begun = co_await begin_alone(context, db, history_lock::rows);
  if (!begun) co_return begun.error();
  ports::transaction& on = **begun;
  // Bounds are left alone meanwhile. Most rows of the partition are read: not by an index, one by one.
  if (auto ok = co_await run_all(
          context, on,
          {"SELECT pg_advisory_xact_lock(" + std::to_string(static_cast<std::int64_t>(history_lock::bounds)) + ")",
           "SET LOCAL enable_seqscan = on", "SET LOCAL work_mem = '64MB'", "SET LOCAL maintenance_work_mem = '64MB'"});
      !ok)
    co_return ok.error();
  const auto now = co_await read_partitions(context, on);
  if (!now) co_return now.error();
  if (!unchanged(*now, order.what) || (order.before && !unchanged(*now, *order.before)))
    co_return error{errc::conflict, "another process has changed the history's partitions"};
  auto made = co_await rewriting(context, on, order).run();
  if (!made || !made->done) {
    (void)co_await on.rollback(context);
    co_return made;
  }
  if (auto ok = co_await on.commit(context); !ok) co_return ok.error();
  co_return made;
}

}  // namespace distsys::domain::geo
