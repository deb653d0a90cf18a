// event_repository's reading by distance: circles that grow until they hold enough.
#include <algorithm>
#include <bit>
#include <unordered_map>

#include "event_count.hpp"
#include "named_rows.hpp"
#include "scan.hpp"

namespace distsys::domain::geo {
namespace {

struct ranked {
  cursor where;  // distance and key
  double distance;
  std::string feature, kind;  // the feature only of the history
};

/// Positive doubles sort like their bits.
std::int64_t bits(double distance) { return std::bit_cast<std::int64_t>(distance + 0.0); }

/// The k nearest, by growing circles: what lies within a circle that holds k is exact. The last statement alone has
/// read them, so that they are of one moment.
awaitable<result<std::vector<ranked>>> rank(const ports::call_context& context, ports::database& db, const scan& scans,
                                            const nearest& n) {
  constexpr double half_circumference = 3.14159265358979323846 * earth_radius_m * 1.000001;
  constexpr std::size_t crowd = 20'000;
  double inner = 0, outer = 1'000;
  for (int narrowed = 0;;) {
    const circle ring{n.center, outer};
    const auto ranges = cover(ring);
    const bool bounded = narrowed < 24;
    const auto t = co_await db.query(context, scans.any_order(scan::columns::places, ranges,
                                                              bounded ? crowd + n.k : ports::read_options{}.max_rows));
    if (!t) co_return t.error();
    if (bounded && t->rows() == crowd + n.k) {
      // Too crowded to read whole: the k nearest may be far nearer.
      outer = inner > 0 ? (inner + outer) / 2 : outer / 4;
      ++narrowed;
      continue;
    }
    std::vector<ranked> found;
    for (auto& r : scans.matching(*t)) {
      const double d = distance_m(n.center, r.at);
      if (d <= outer) found.push_back({{bits(d), r.where.key}, d, std::move(r.feature), std::move(r.kind)});
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

/// Reads the features of these rows, by key.
awaitable<result<void>> read_features(const ports::call_context& context, ports::database& db,
                                      std::span<found_row> rows) {
  constexpr std::size_t chunk = 512;
  for (std::size_t begin = 0; begin < rows.size(); begin += chunk) {
    const std::size_t used = std::min(chunk, rows.size() - begin);
    std::unordered_map<std::int64_t, found_row*> by_key;
    ports::statement s;
    s.sql = "SELECT event_key, feature FROM geo_events WHERE event_key IN " + marks(used);
    s.parameters = ports::table(used);
    for (auto& r : rows.subspan(begin, used)) {
      s.parameters.add(r.where.key);
      by_key.emplace(r.where.key, &r);
    }
    const auto t = co_await db.query(context, std::move(s));
    if (!t) co_return t.error();
    for (std::size_t i = 0; i < t->rows(); ++i)
      by_key.at(t->at(i, 0).integer())->feature = std::string(t->at(i, 1).text());
  }
  co_return result<void>{};
}

}  // namespace

awaitable<result<event_page>> event_repository::find_nearest(const ports::call_context& context,
                                                             const event_query& query) {
  const auto after = read_cursor(query);
  if (!after) co_return after.error();
  const scan scans(query, db_->sql_dialect(), runtime::now());
  auto found = co_await rank(context, *db_, scans, std::get<nearest>(query.where));
  if (!found) co_return found.error();
  const std::size_t matched = found->size();

  std::vector<found_row> rows;
  for (auto& r : *found)
    if (!*after || r.where > **after) rows.push_back({r.where, {}, std::move(r.feature), {}});
  if (!scans.of_history()) {
    const std::span<found_row> shown(rows.data(), std::min(query.limit, rows.size()));
    if (const auto read = co_await read_features(context, *db_, shown); !read) co_return read.error();
  }
  auto page = page_of(std::move(rows), query);
  page.matched = matched;
  page.one_moment = scans.of_history();
  co_return page;
}

awaitable<result<counts_by_kind>> count_nearest(const ports::call_context& context, ports::database& db,
                                                const scan& scans, const nearest& n) {
  const auto found = co_await rank(context, db, scans, n);
  if (!found) co_return found.error();
  counts_by_kind counts;
  for (const auto& r : *found) ++counts[r.kind];
  co_return counts;
}

}  // namespace distsys::domain::geo
