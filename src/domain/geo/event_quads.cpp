// event_repository's reading by quads: what caches hold, and what heat maps count.
#include <algorithm>

#include "distsys/domain/geo/event_repository.hpp"

namespace distsys::domain::geo {
namespace {

constexpr std::size_t max_quads = 256, max_each = 10'000;
constexpr cell_range nothing{1, 0};

/// A few sizes only, so that a driver keeps each statement prepared.
std::size_t padded(std::size_t n) { return n <= 1 ? 1 : n <= 4 ? 4 : n <= 16 ? 16 : n <= 64 ? 64 : max_quads; }

std::int64_t now_ms() { return runtime::now().time_since_epoch().count(); }

cell_range range_or_nothing(const std::vector<quad>& quads, std::size_t i) {
  return i < quads.size() ? quads[i].range() : nothing;
}

result<void> check_quads(std::size_t n) {
  if (n <= max_quads) return {};
  return error{errc::invalid, std::to_string(n) + " quads at once; at most 256"};
}

/// One limited SELECT a quad, all in one statement: the quad's number first.
ports::statement rows_statement(const std::vector<quad>& which, std::size_t most_each) {
  const std::size_t arms = padded(which.size());
  ports::statement s;
  s.parameters = ports::table(arms * 4);
  for (std::size_t i = 0; i < arms; ++i) {
    if (i > 0) s.sql += " UNION ALL ";
    s.sql += "SELECT * FROM (SELECT " + std::to_string(i) +
             " AS n, cell, event_key, lon, lat, since, expires, severity, kind, source, feature FROM geo_events "
             "WHERE cell BETWEEN ? AND ? AND expires > ? LIMIT ?) q" +
             std::to_string(i);
    const auto range = range_or_nothing(which, i);
    s.parameters.add(range.first);
    s.parameters.add(range.last);
    s.parameters.add(now_ms());
    s.parameters.add(static_cast<std::int64_t>(most_each + 1));
  }
  // And, of the same moment, how far the log is.
  s.sql += " UNION ALL SELECT " + std::to_string(max_quads) +
           ", COALESCE(MAX(sequence), 0), 0, 0.0, 0.0, 0, 0, 0, '', '', '' FROM geo_event_changes";
  return s;
}

event_rows::row row_of(const ports::table& t, std::size_t i) {
  event_rows::row r;
  r.cell = t.at(i, 1).integer();
  r.key = t.at(i, 2).integer();
  r.at = {t.at(i, 3).real(), t.at(i, 4).real()};
  r.since = t.at(i, 5).integer();
  r.expires = t.at(i, 6).integer();
  r.severity = static_cast<std::int32_t>(t.at(i, 7).integer());
  return r;
}

}  // namespace

awaitable<result<quads_read>> event_repository::read_quads(const ports::call_context& context, std::vector<quad> which,
                                                           std::size_t most_each) {
  quads_read read;
  if (const auto ok = check_quads(which.size()); !ok) co_return ok.error();
  most_each = std::clamp<std::size_t>(most_each, 1, max_each);
  const auto t = co_await db_->query(context, rows_statement(which, most_each));
  if (!t) co_return t.error();
  std::vector<event_rows::builder> made(which.size());
  std::vector<bool> split(which.size());
  for (std::size_t i = 0; i < t->rows(); ++i) {
    const auto n = static_cast<std::size_t>(t->at(i, 0).integer());
    if (n == max_quads) {
      read.sequence = t->at(i, 1).integer();
      continue;
    }
    if (!made[n].add(row_of(*t, i), t->at(i, 8).text(), t->at(i, 9).text(), t->at(i, 10).text())) split[n] = true;
  }
  for (std::size_t n = 0; n < which.size(); ++n)
    read.cells.push_back(split[n] || made[n].size() > most_each ? nullptr : made[n].finish());
  co_return read;
}

awaitable<result<std::vector<quad_counts>>> event_repository::count_quads(const ports::call_context& context,
                                                                          std::vector<quad> tiles, unsigned level) {
  std::vector<quad_counts> counts(tiles.size());
  if (tiles.empty()) co_return counts;
  if (const auto ok = check_quads(tiles.size()); !ok) co_return ok.error();
  for (const quad& q : tiles)
    if (level < q.level() || level > quad::deepest)
      co_return error{errc::invalid, "level " + std::to_string(level) + " does not divide the tile " + q.name()};
  const std::size_t arms = padded(tiles.size());
  const std::string shift = std::to_string(2 * (quad::deepest - level));
  ports::statement s;
  s.parameters = ports::table(arms * 3);
  for (std::size_t i = 0; i < arms; ++i) {
    if (i > 0) s.sql += " UNION ALL ";
    s.sql += "SELECT " + std::to_string(i) + " AS n, cell >> " + shift +
             " AS part, kind, COUNT(*), MIN(expires) FROM geo_events WHERE cell BETWEEN ? AND ? AND expires > ? "
             "GROUP BY cell >> " +
             shift + ", kind";
    const auto range = range_or_nothing(tiles, i);
    s.parameters.add(range.first);
    s.parameters.add(range.last);
    s.parameters.add(now_ms());
  }
  const auto t = co_await db_->query(context, std::move(s));
  if (!t) co_return t.error();
  for (std::size_t i = 0; i < t->rows(); ++i) {
    auto& to = counts.at(static_cast<std::size_t>(t->at(i, 0).integer()));
    const quad where = quad::of(t->at(i, 1).integer() << (2 * (quad::deepest - level)), level);
    to.counts.push_back({where, std::string(t->at(i, 2).text()), static_cast<std::uint64_t>(t->at(i, 3).integer())});
    to.next_expiry = std::min(to.next_expiry, t->at(i, 4).integer());
  }
  for (auto& c : counts)
    std::sort(c.counts.begin(), c.counts.end(), [](const quad_count& a, const quad_count& b) {
      return a.where != b.where ? a.where < b.where : a.kind < b.kind;
    });
  co_return counts;
}

awaitable<result<std::vector<change_touch>>> event_repository::touches_after(const ports::call_context& context,
                                                                             std::int64_t after, std::size_t limit) {
  const auto rows =
      co_await db_->query(context, {.sql = "SELECT sequence, lon, lat, previous_lon, previous_lat FROM "
                                           "geo_event_changes WHERE sequence > ? ORDER BY sequence LIMIT ?",
                                    .parameters = ports::table::row(after, static_cast<std::int64_t>(limit))});
  if (!rows) co_return rows.error();
  std::vector<change_touch> touches;
  touches.reserve(rows->rows());
  for (std::size_t i = 0; i < rows->rows(); ++i) {
    change_touch t{rows->at(i, 0).integer(), {rows->at(i, 1).real(), rows->at(i, 2).real()}, {}};
    if (!rows->at(i, 3).is_null()) t.previous = position{rows->at(i, 3).real(), rows->at(i, 4).real()};
    touches.push_back(t);
  }
  co_return touches;
}

}  // namespace distsys::domain::geo
