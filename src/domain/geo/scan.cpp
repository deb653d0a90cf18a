#include "scan.hpp"

#include <algorithm>

#include "feature_facts.hpp"
#include "named_rows.hpp"

namespace distsys::domain::geo {
namespace {

std::int64_t ms(timestamp t) noexcept { return t.time_since_epoch().count(); }

void merge(std::vector<cell_range>& ranges) {
  std::sort(ranges.begin(), ranges.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  std::size_t kept = 0;
  for (const auto& r : ranges) {
    if (kept > 0 && r.first == ranges[kept - 1].last + 1)
      ranges[kept - 1].last = r.last;
    else
      ranges[kept++] = r;
  }
  ranges.resize(kept);
}

// A change of the history that was the last one of its event at a time, and no end. `observed` ascends with `sequence`
// among the changes of one event.
constexpr std::string_view history_from =
    " FROM geo_event_changes c JOIN geo_events e ON e.event_key = c.event_key WHERE ";
constexpr std::string_view history_filter =
    " AND c.kind <> 2 AND c.observed <= ? AND NOT EXISTS (SELECT 1 FROM geo_event_changes n "
    "WHERE n.event_key = c.event_key AND n.observed >= c.observed AND n.observed <= ? AND n.sequence > c.sequence)";
// The text as that change made it: what the next change that has a text replaced, else the newest. Then when the event
// was first seen.
constexpr std::string_view history_columns =
    "c.cell AS place, c.event_key AS event, c.lon, c.lat, COALESCE((SELECT n.previous_feature FROM geo_event_changes n "
    "WHERE n.event_key = c.event_key AND n.observed >= c.observed AND n.sequence > c.sequence AND "
    "n.previous_feature IS NOT NULL ORDER BY n.observed, n.sequence LIMIT 1), e.feature) AS feature, "
    "(SELECT MIN(f.observed) FROM geo_event_changes f WHERE f.event_key = c.event_key) AS first_seen";

/// A few sizes only, so that a driver keeps each statement prepared.
std::size_t padded(std::size_t n) { return n <= 16 ? 16 : n <= 128 ? 128 : n <= 512 ? 512 : (n + 1023) / 1024 * 1024; }

template <class List>
bool holds(const List& list, const std::string& word) {
  return list.empty() || std::find(list.begin(), list.end(), word) != list.end();
}

}  // namespace

area_parts parts_of(const area& a) {
  // More squares along the edge make it thinner: fewer rows to look at, more ranges to scan.
  constexpr std::size_t most_on_edge = 256;
  area_parts parts;
  std::vector<quad> edge, next;
  const auto sort_in = [&](const quad& q, std::vector<quad>& to) {
    const overlap how = compare(a, q);
    if (how == overlap::whole) parts.whole.push_back(q.range());
    if (how == overlap::partly) to.push_back(q);
  };
  sort_in(quad(), edge);
  while (!edge.empty() && edge.size() <= most_on_edge && edge.front().level() < quad::deepest) {
    next.clear();
    for (const quad& q : edge)
      for (const quad& child : q.children()) sort_in(child, next);
    edge.swap(next);
  }
  for (const quad& q : edge) parts.edge.push_back(q.range());
  merge(parts.whole);
  merge(parts.edge);
  return parts;
}

std::vector<cell_range> ranges_of(const area& a) {
  if (const auto* c = std::get_if<circle>(&a)) return cover(*c);
  if (const auto* b = std::get_if<box>(&a)) return cover(*b);
  if (const auto* p = std::get_if<polygon>(&a)) return cover(*p);
  return everything();
}

scan::scan(const event_query& q, ports::dialect d, timestamp now) : query_(q), dialect_(d), now_(now) {
  if (q.at) {
    from_ = history_from;
    filter_ = history_filter;
    if (!q.sources.empty()) filter_ += " AND e.source IN " + marks(q.sources.size());
    return;
  }
  from_ = " FROM geo_events e WHERE ";
  filter_ = " AND e.expires > ?";
  // COALESCE keeps a planner from preferring an index on the source to the one on the cell.
  if (!q.kinds.empty()) filter_ += " AND e.kind IN " + marks(q.kinds.size());
  if (!q.sources.empty()) filter_ += " AND COALESCE(e.source, '') IN " + marks(q.sources.size());
  if (q.since) filter_ += " AND e.since >= ?";
  if (q.min_severity) filter_ += " AND e.severity >= ?";
}

std::string scan::select(columns what) const {
  std::string out = "SELECT ";
  if (of_history())
    out += history_columns;
  else
    out += what == columns::cells    ? "e.cell AS place, e.event_key AS event"
           : what == columns::places ? "e.cell AS place, e.event_key AS event, e.lon, e.lat, e.kind"
                                     : "e.cell AS place, e.event_key AS event, e.lon, e.lat, e.kind, e.feature";
  return out += from_ + (of_history() ? "c.cell BETWEEN ? AND ?" : "e.cell BETWEEN ? AND ?");
}

ports::statement scan::any_order(columns what, std::span<const cell_range> ranges, std::size_t limit) const {
  ports::statement s;
  s.parameters = ports::table(ranges.size() * (2 + filter_parameters()) + 1);
  for (const auto& r : ranges) {
    if (!s.sql.empty()) s.sql += " UNION ALL ";
    s.sql += select(what) + filter_;
    s.parameters.add(r.first);
    s.parameters.add(r.last);
    add_filter(s.parameters);
  }
  s.sql += " LIMIT ?";
  s.parameters.add(static_cast<std::int64_t>(limit));
  return s;
}

ports::statement scan::in_order(const cell_range& r, const std::optional<cursor>& after, std::size_t limit) const {
  ports::statement s;
  s.parameters = ports::table(3 + (after ? 2 : 0) + filter_parameters());
  s.sql = select(columns::features);
  s.parameters.add(after ? std::max(r.first, after->place) : r.first);
  s.parameters.add(r.last);
  if (after) {
    s.sql += of_history() ? " AND (c.cell > ? OR c.event_key > ?)" : " AND (e.cell > ? OR e.event_key > ?)";
    s.parameters.add(after->place);
    s.parameters.add(after->key);
  }
  s.sql += filter_ + " ORDER BY place, event LIMIT ?";
  add_filter(s.parameters);
  s.parameters.add(static_cast<std::int64_t>(limit));
  return s;
}

/// The ranges as a table, joined with the events: one text for many ranges, where a SELECT each would be as many.
std::string scan::joined_ranges(std::string_view what, std::span<const cell_range> ranges,
                                ports::table& parameters) const {
  const std::size_t n = ranges.size(), size = padded(n);
  const bool by_select = dialect_ == ports::dialect::mysql;  // MySQL and MariaDB spell VALUES differently
  std::string sql = "WITH r (first_cell, last_cell) AS (";
  sql += by_select ? "SELECT CAST(? AS SIGNED), CAST(? AS SIGNED)" : "VALUES (CAST(? AS BIGINT), CAST(? AS BIGINT))";
  for (std::size_t i = 1; i < size; ++i) sql += by_select ? " UNION ALL SELECT ?, ?" : ", (?, ?)";
  sql += ") SELECT " + std::string(what) + " FROM r CROSS JOIN ";
  const std::string within = "geo_events e WHERE e.cell BETWEEN r.first_cell AND r.last_cell" + filter_;
  // PostgreSQL takes a join by inequalities for a ninth of all pairs, and reads the whole table. OFFSET 0 keeps it from
  // making such a join of this: each range is then one scan of the index.
  if (dialect_ == ports::dialect::postgres)
    sql += "LATERAL (SELECT e.cell, e.event_key, e.kind FROM " + within + " OFFSET 0) e";
  else
    sql += within;
  for (std::size_t i = 0; i < size; ++i) {
    parameters.add(i < n ? ranges[i].first : 1);
    parameters.add(i < n ? ranges[i].last : 0);
  }
  add_filter(parameters);
  return sql;
}

ports::statement scan::counted(std::span<const cell_range> ranges, bool by_kind) const {
  ports::statement s;
  s.parameters = ports::table(2 * padded(ranges.size()) + filter_parameters());
  s.sql = joined_ranges(by_kind ? "e.kind, COUNT(*)" : "COUNT(*)", ranges, s.parameters);
  if (by_kind) s.sql += " GROUP BY e.kind";
  return s;
}

ports::statement scan::listed(std::span<const cell_range> ranges, std::size_t limit) const {
  ports::statement s;
  s.parameters = ports::table(2 * padded(ranges.size()) + filter_parameters() + 1);
  s.sql = joined_ranges("e.cell, e.event_key, e.kind", ranges, s.parameters) + " LIMIT ?";
  s.parameters.add(static_cast<std::int64_t>(limit));
  return s;
}

std::vector<found_row> scan::matching(const ports::table& t) const {
  std::vector<found_row> rows;
  const area_test inside(query_.where);
  for (std::size_t i = 0; i < t.rows(); ++i) {
    found_row r{{t.at(i, 0).integer(), t.at(i, 1).integer()}, {t.at(i, 2).real(), t.at(i, 3).real()}, {}, {}};
    if (!inside(r.at)) continue;
    if (of_history()) {
      const auto facts = facts_of(t.at(i, 4).text());
      if (!wanted_then(facts, timestamp(std::chrono::milliseconds(t.at(i, 5).integer())))) continue;
      r.feature = t.at(i, 4).text();
      r.kind = facts.kind;
    } else {
      r.kind = t.at(i, 4).text();
      if (t.columns() > 5) r.feature = t.at(i, 5).text();
    }
    rows.push_back(std::move(r));
  }
  return rows;
}

std::size_t scan::filter_parameters() const {
  if (of_history()) return 2 + query_.sources.size();
  return 1 + query_.kinds.size() + query_.sources.size() + (query_.since ? 1 : 0) + (query_.min_severity ? 1 : 0);
}

void scan::add_filter(ports::table& t) const {
  if (query_.at) {
    t.add(std::int64_t{ms(*query_.at)});
    t.add(std::int64_t{ms(*query_.at)});
    for (const auto& source : query_.sources) t.add(source);
    return;
  }
  t.add(std::int64_t{ms(now_)});
  for (const auto& kind : query_.kinds) t.add(kind);
  for (const auto& source : query_.sources) t.add(source);
  if (query_.since) t.add(std::int64_t{ms(*query_.since)});
  if (query_.min_severity) t.add(*query_.min_severity);
}

/// The filters that the history has no columns for.
bool scan::wanted_then(const feature_facts& facts, timestamp first_seen) const {
  if (facts.expires && *facts.expires <= *query_.at) return false;
  if (!holds(query_.kinds, facts.kind)) return false;
  if (query_.min_severity && facts.severity < *query_.min_severity) return false;
  if (!query_.since) return true;
  return (facts.updated ? *facts.updated : facts.started.value_or(first_seen)) >= *query_.since;
}

}  // namespace distsys::domain::geo
