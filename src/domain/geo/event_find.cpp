// event_repository's reading by area: range scans of the cell index, and the exact test here.
#include <algorithm>
#include <bit>
#include <cmath>

#include "distsys/domain/geo/cursor.hpp"
#include "distsys/domain/geo/event_repository.hpp"
#include "known_events.hpp"

namespace distsys::domain::geo {
namespace {

constexpr std::size_t max_limit = 10'000;
constexpr std::size_t max_counted = 100'000;  // rows that counting may scan
constexpr std::size_t max_names = 64;         // in a filter

struct row {
  cursor where;
  position at;
  std::string feature;
};

struct ranges_of {
  std::vector<cell_range> operator()(const everywhere&) const { return everything(); }
  std::vector<cell_range> operator()(const nearest&) const { return everything(); }
  std::vector<cell_range> operator()(const circle& c) const { return cover(c); }
  std::vector<cell_range> operator()(const box& b) const { return cover(b); }
  std::vector<cell_range> operator()(const polygon& p) const { return cover(p); }
};

/// Builds the SELECTs of one query: over cell ranges, with its filters.
class scan {
 public:
  scan(const event_query& q, timestamp now) : query_(q), now_(now) {
    filter_ = " AND expires > ?";
    // COALESCE keeps a planner from preferring an index on the source to the one on the cell.
    if (!q.kinds.empty()) filter_ += " AND kind IN " + marks(q.kinds.size());
    if (!q.sources.empty()) filter_ += " AND COALESCE(source, '') IN " + marks(q.sources.size());
    if (q.since) filter_ += " AND since >= ?";
    if (q.min_severity) filter_ += " AND severity >= ?";
  }

  /// All ranges at once, in no order.
  ports::statement any_order(std::string_view columns, std::span<const cell_range> ranges, std::size_t limit) const {
    ports::statement s;
    s.parameters = ports::table(ranges.size() * (2 + filter_parameters()) + 1);
    for (const auto& r : ranges) {
      if (!s.sql.empty()) s.sql += " UNION ALL ";
      s.sql += "SELECT " + std::string(columns) + " FROM geo_events WHERE cell BETWEEN ? AND ?" + filter_;
      s.parameters.add(r.first);
      s.parameters.add(r.last);
      add_filter(s.parameters);
    }
    s.sql += " LIMIT ?";
    s.parameters.add(static_cast<std::int64_t>(limit));
    return s;
  }

  /// One range in the order of cursors, after one.
  ports::statement in_order(std::string_view columns, const cell_range& r, const std::optional<cursor>& after,
                            std::size_t limit) const {
    ports::statement s;
    s.parameters = ports::table(3 + (after ? 2 : 0) + filter_parameters());
    s.sql = "SELECT " + std::string(columns) + " FROM geo_events WHERE cell BETWEEN ? AND ?";
    s.parameters.add(after ? std::max(r.first, after->place) : r.first);
    s.parameters.add(r.last);
    if (after) {
      s.sql += " AND (cell > ? OR event_key > ?)";
      s.parameters.add(after->place);
      s.parameters.add(after->key);
    }
    s.sql += filter_ + " ORDER BY cell, event_key LIMIT ?";
    add_filter(s.parameters);
    s.parameters.add(static_cast<std::int64_t>(limit));
    return s;
  }

 private:
  std::size_t filter_parameters() const {
    return 1 + query_.kinds.size() + query_.sources.size() + (query_.since ? 1 : 0) + (query_.min_severity ? 1 : 0);
  }
  void add_filter(ports::table& t) const {
    t.add(std::int64_t{now_.time_since_epoch().count()});
    for (const auto& kind : query_.kinds) t.add(kind);
    for (const auto& source : query_.sources) t.add(source);
    if (query_.since) t.add(std::int64_t{query_.since->time_since_epoch().count()});
    if (query_.min_severity) t.add(*query_.min_severity);
  }

  const event_query& query_;
  timestamp now_;
  std::string filter_;
};

constexpr std::string_view light = "cell, event_key, lon, lat", whole = "cell, event_key, lon, lat, feature";

/// Of a result with the columns `light` or `whole`, the rows that match.
std::vector<row> matching(const ports::table& t, const area& where) {
  std::vector<row> rows;
  for (std::size_t i = 0; i < t.rows(); ++i) {
    const position at{t.at(i, 2).real(), t.at(i, 3).real()};
    if (!matches(where, at)) continue;
    rows.push_back({{t.at(i, 0).integer(), t.at(i, 1).integer()},
                    at,
                    t.columns() > 4 ? std::string(t.at(i, 4).text()) : std::string()});
  }
  return rows;
}

/// The first `limit` rows after the cursor, and a cursor when there are more.
event_page page_of(std::vector<row> rows, const event_query& q) {
  event_page page;
  const std::size_t n = std::min(q.limit, rows.size());
  if (rows.size() > n) page.next_cursor = write_cursor(rows[n - 1].where, q);
  page.features.reserve(n);
  for (std::size_t i = 0; i < n; ++i) page.features.push_back(std::move(rows[i].feature));
  return page;
}

/// Walks the ranges in order until a page is full.
awaitable<result<std::vector<row>>> walk(const ports::call_context& context, ports::database& db, const scan& scans,
                                         const event_query& q, std::span<const cell_range> ranges,
                                         std::optional<cursor> after) {
  const std::size_t wanted = q.limit + 1;
  std::vector<row> rows;
  for (const auto& r : ranges) {
    if (after && after->place > r.last) continue;
    for (auto from = after && after->place >= r.first ? after : std::optional<cursor>();;) {
      const std::size_t step = std::min<std::size_t>((wanted - rows.size()) * 5 / 4 + 32, max_limit);
      const auto t = co_await db.query(context, scans.in_order(whole, r, from, step));
      if (!t) co_return t.error();
      auto found = matching(*t, q.where);
      std::move(found.begin(), found.end(), std::back_inserter(rows));
      if (rows.size() >= wanted) co_return rows;
      if (t->rows() < step) break;
      from = cursor{t->at(t->rows() - 1, 0).integer(), t->at(t->rows() - 1, 1).integer()};
    }
  }
  co_return rows;
}

/// Is a position so near to the area's edge that its cell does not say whether it is inside?
bool on_edge(const area& where, const position& middle) {
  constexpr double degrees = 2e-7, metres = 0.03;
  const auto near = [](double a, double b) { return std::abs(a - b) <= degrees; };
  if (const auto* c = std::get_if<circle>(&where))
    return std::abs(distance_m(c->center, middle) - c->radius_m) <= metres;
  if (const auto* b = std::get_if<box>(&where))
    return near(middle.lat, b->south) || near(middle.lat, b->north) || near(middle.lon, b->west) ||
           near(middle.lon, b->east) || near(std::abs(middle.lon), 180);
  return std::holds_alternative<polygon>(where);
}

/// How many match; nothing when too many rows would have to be read. The index alone says it, but for the few events on
/// the very edge (and for filters).
awaitable<result<std::optional<std::uint64_t>>> count(const ports::call_context& context, ports::database& db,
                                                      const scan& scans, const area& where,
                                                      std::span<const cell_range> ranges) {
  constexpr std::size_t max_on_edge = 500;
  const auto cells = co_await db.query(context, scans.any_order("cell, event_key", ranges, max_counted + 1));
  if (!cells) co_return cells.error();
  if (cells->rows() > max_counted) co_return std::optional<std::uint64_t>();
  std::uint64_t matched = 0;
  std::vector<std::int64_t> unsure;
  for (std::size_t i = 0; i < cells->rows(); ++i) {
    const position middle = center_of(cells->at(i, 0).integer());
    if (on_edge(where, middle))
      unsure.push_back(cells->at(i, 1).integer());
    else
      matched += matches(where, middle) ? 1 : 0;
  }
  if (unsure.empty()) co_return std::optional(matched);

  ports::statement exact = scans.any_order(light, ranges, max_counted + 1);
  if (unsure.size() <= max_on_edge) {
    exact = {.sql = "SELECT cell, event_key, lon, lat FROM geo_events WHERE event_key IN " + marks(unsure.size()),
             .parameters = ports::table(unsure.size())};
    for (const auto key : unsure) exact.parameters.add(key);
  } else {
    matched = 0;
  }
  const auto rows = co_await db.query(context, std::move(exact));
  if (!rows) co_return rows.error();
  for (std::size_t i = 0; i < rows->rows(); ++i)
    matched += matches(where, {rows->at(i, 2).real(), rows->at(i, 3).real()}) ? 1 : 0;
  co_return std::optional(matched);
}

}  // namespace

result<void> check(const event_query& q) {
  if (q.limit == 0 || q.limit > max_limit)
    return error{errc::invalid, "limit is " + std::to_string(q.limit) + "; it must be from 1 to 10000"};
  if (q.kinds.size() > max_names || q.sources.size() > max_names)
    return error{errc::invalid, "more than 64 kinds or sources"};
  if (const auto* c = std::get_if<circle>(&q.where)) {
    if (!valid(c->center)) return error{errc::invalid, "the circle's centre is not on Earth"};
    if (!(c->radius_m >= 0) || std::isinf(c->radius_m)) return error{errc::invalid, "the radius is no distance"};
  } else if (const auto* b = std::get_if<box>(&q.where)) {
    if (!valid({b->west, b->south}) || !valid({b->east, b->north}) || b->south > b->north)
      return error{errc::invalid, "the box must be west,south,east,north in degrees, south not above north"};
  } else if (const auto* n = std::get_if<nearest>(&q.where)) {
    if (!valid(n->center)) return error{errc::invalid, "the centre is not on Earth"};
    if (n->k == 0 || n->k > max_limit) return error{errc::invalid, "k must be from 1 to 10000"};
  } else if (const auto* p = std::get_if<polygon>(&q.where)) {
    if (!valid(*p)) return error{errc::invalid, "a polygon has 3 to 1000 corners on Earth, and no pole inside"};
  }
  return {};
}

awaitable<result<event_page>> event_repository::find(const ports::call_context& context, event_query query) {
  if (const auto ok = check(query); !ok) co_return ok.error();
  if (std::holds_alternative<nearest>(query.where)) co_return co_await find_nearest(context, query);
  co_return co_await find_within(context, query);
}

awaitable<result<event_page>> event_repository::find_within(const ports::call_context& context,
                                                            const event_query& query) {
  const auto after = read_cursor(query);
  if (!after) co_return after.error();
  const auto ranges = std::visit(ranges_of{}, query.where);
  const scan scans(query, runtime::now());

  // Most areas hold little: one statement reads it all, and the count with it.
  const std::size_t little = query.limit + query.limit / 2 + 64;
  const auto first = co_await db_->query(context, scans.any_order(whole, ranges, little));
  if (!first) co_return first.error();
  if (first->rows() < little) {
    auto rows = matching(*first, query.where);
    const std::size_t matched = rows.size();
    std::sort(rows.begin(), rows.end(), [](const row& a, const row& b) { return a.where < b.where; });
    if (*after)
      rows.erase(rows.begin(), std::find_if(rows.begin(), rows.end(), [&](const row& r) { return r.where > **after; }));
    auto page = page_of(std::move(rows), query);
    page.matched = matched;
    co_return page;
  }

  auto rows = co_await walk(context, *db_, scans, query, ranges, *after);
  if (!rows) co_return rows.error();
  auto page = page_of(std::move(*rows), query);
  const auto matched = co_await count(context, *db_, scans, query.where, ranges);
  if (!matched) co_return matched.error();
  page.matched = *matched;
  co_return page;
}

namespace {

struct ranked {
  cursor where;  // distance and key
  double distance;
};

/// Positive doubles sort like their bits.
std::int64_t bits(double distance) { return std::bit_cast<std::int64_t>(distance + 0.0); }

/// The k nearest, by growing circles: what lies within a circle that holds k is exact.
awaitable<result<std::vector<ranked>>> rank(const ports::call_context& context, ports::database& db, const scan& scans,
                                            const nearest& n) {
  constexpr double half_circumference = 3.14159265358979323846 * earth_radius_m * 1.000001;
  constexpr std::size_t crowd = 20'000;
  double inner = 0, outer = 1'000;
  for (int narrowed = 0;;) {
    const circle ring{n.center, outer};
    const auto ranges = cover(ring);
    const bool bounded = narrowed < 24;
    const auto t = co_await db.query(
        context, scans.any_order(light, ranges, bounded ? crowd + n.k : ports::read_options{}.max_rows));
    if (!t) co_return t.error();
    if (bounded && t->rows() == crowd + n.k) {
      // Too crowded to read whole: the k nearest may be far nearer.
      outer = inner > 0 ? (inner + outer) / 2 : outer / 4;
      ++narrowed;
      continue;
    }
    std::vector<ranked> found;
    for (std::size_t i = 0; i < t->rows(); ++i) {
      const double d = distance_m(n.center, {t->at(i, 2).real(), t->at(i, 3).real()});
      if (d <= outer) found.push_back({{bits(d), t->at(i, 1).integer()}, d});
    }
    if (found.size() >= n.k || outer >= half_circumference) {
      std::sort(found.begin(), found.end(), [](const auto& a, const auto& b) { return a.where < b.where; });
      found.resize(std::min<std::size_t>(found.size(), n.k));
      co_return found;
    }
    inner = outer;
    // Once narrowed, grow gently: the crowd is near.
    outer = std::min(outer * (narrowed > 0 ? 1.25 : 4), half_circumference);
  }
}

}  // namespace

awaitable<result<event_page>> event_repository::find_nearest(const ports::call_context& context,
                                                             const event_query& query) {
  const auto after = read_cursor(query);
  if (!after) co_return after.error();
  const scan scans(query, runtime::now());
  const auto found = co_await rank(context, *db_, scans, std::get<nearest>(query.where));
  if (!found) co_return found.error();

  std::vector<row> rows;
  for (const auto& r : *found)
    if (!*after || r.where > **after) rows.push_back({r.where, {}, {}});
  const std::size_t shown = std::min(query.limit, rows.size());
  constexpr std::size_t chunk = 512;
  for (std::size_t begin = 0; begin < shown; begin += chunk) {
    const std::size_t used = std::min(chunk, shown - begin);
    std::unordered_map<std::int64_t, row*> by_key;
    ports::statement s;
    s.sql = "SELECT event_key, feature FROM geo_events WHERE event_key IN " + marks(used);
    s.parameters = ports::table(used);
    for (std::size_t i = begin; i < begin + used; ++i) {
      s.parameters.add(rows[i].where.key);
      by_key.emplace(rows[i].where.key, &rows[i]);
    }
    const auto t = co_await db_->query(context, std::move(s));
    if (!t) co_return t.error();
    for (std::size_t i = 0; i < t->rows(); ++i)
      by_key.at(t->at(i, 0).integer())->feature = std::string(t->at(i, 1).text());
  }
  auto page = page_of(std::move(rows), query);
  page.matched = found->size();
  co_return page;
}

}  // namespace distsys::domain::geo
