// event_repository's reading by area: range scans of the cell index, and the exact test here.
#include <algorithm>
#include <cmath>

#include "event_count.hpp"
#include "scan.hpp"

namespace distsys::domain::geo {
namespace {

constexpr std::size_t max_limit = 10'000;
constexpr std::size_t max_counted = 100'000;  // rows on the edge that counting may look at
constexpr std::size_t max_names = 64;         // in a filter

/// Walks the ranges in order until a page is full.
awaitable<result<std::vector<found_row>>> walk(const ports::call_context& context, ports::database& db,
                                               const scan& scans, std::size_t limit, std::span<const cell_range> ranges,
                                               std::optional<cursor> after) {
  const std::size_t wanted = limit + 1;
  std::vector<found_row> rows;
  for (const auto& r : ranges) {
    if (after && after->place > r.last) continue;
    for (auto from = after && after->place >= r.first ? after : std::optional<cursor>();;) {
      const std::size_t step = std::min<std::size_t>((wanted - rows.size()) * 5 / 4 + 32, max_limit);
      const auto t = co_await db.query(context, scans.in_order(r, from, step));
      if (!t) co_return t.error();
      auto found = scans.matching(*t);
      std::move(found.begin(), found.end(), std::back_inserter(rows));
      if (rows.size() >= wanted) co_return rows;
      if (t->rows() < step) break;
      from = cursor{t->at(t->rows() - 1, 0).integer(), t->at(t->rows() - 1, 1).integer()};
    }
  }
  co_return rows;
}

/// Most areas hold little: one statement reads it all, and the count with it. Nothing where there is more.
awaitable<result<std::optional<event_page>>> read_little(const ports::call_context& context, ports::database& db,
                                                         const scan& scans, const event_query& query,
                                                         std::span<const cell_range> ranges,
                                                         std::optional<cursor> after) {
  const std::size_t little = query.limit + query.limit / 2 + 64;
  const auto read = co_await db.query(context, scans.any_order(scan::columns::features, ranges, little));
  if (!read) co_return read.error();
  if (read->rows() >= little) co_return std::optional<event_page>();
  auto rows = scans.matching(*read);
  const std::size_t matched = rows.size();
  if (after) std::erase_if(rows, [&](const found_row& r) { return !(r.where > *after); });
  std::sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.where < b.where; });
  auto page = page_of(std::move(rows), query);
  page.matched = matched;
  page.one_moment = true;
  co_return page;
}

/// Rows that do not match are looked at, too, without bound.
bool filtered(const event_query& q) { return !q.kinds.empty() || !q.sources.empty() || q.since || q.min_severity; }

}  // namespace

event_page page_of(std::vector<found_row> rows, const event_query& q) {
  event_page page;
  const std::size_t n = std::min(q.limit, rows.size());
  if (rows.size() > n) page.next_cursor = write_cursor(rows[n - 1].where, q);
  page.features.reserve(n);
  for (std::size_t i = 0; i < n; ++i) page.features.push_back(std::move(rows[i].feature));
  return page;
}

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

awaitable<result<std::optional<event_page>>> event_repository::find_little(const ports::call_context& context,
                                                                           const event_query& query) {
  if (const auto ok = check(query); !ok) co_return ok.error();
  const auto after = read_cursor(query);
  if (!after) co_return after.error();
  if (query.at || std::holds_alternative<nearest>(query.where) || filtered(query))
    co_return std::optional<event_page>();
  const auto ranges = ranges_of(query.where);
  const scan scans(query, db_->sql_dialect(), runtime::now());
  co_return co_await read_little(context, *db_, scans, query, ranges, *after);
}

awaitable<result<event_page>> event_repository::find_within(const ports::call_context& context,
                                                            const event_query& query) {
  const auto after = read_cursor(query);
  if (!after) co_return after.error();
  const auto ranges = ranges_of(query.where);
  const scan scans(query, db_->sql_dialect(), runtime::now());
  auto little = co_await read_little(context, *db_, scans, query, ranges, *after);
  if (!little) co_return little.error();
  if (*little) co_return std::move(**little);

  auto rows = co_await walk(context, *db_, scans, query.limit, ranges, *after);
  if (!rows) co_return rows.error();
  auto page = page_of(std::move(*rows), query);
  const auto matched = co_await count_within(context, *db_, scans, query, {.max_rows = max_counted});
  if (!matched) co_return matched.error();
  if (*matched) page.matched = total_of((*matched)->by_kind);
  co_return page;
}

}  // namespace distsys::domain::geo
