#include "event_count.hpp"

#include <algorithm>
#include <cmath>

#include "named_rows.hpp"

namespace distsys::domain::geo {
namespace {

constexpr std::size_t most_edge_rows = 900'000;  // what a result of the port may hold, and a little less

/// Is a position so near to the area's edge that its cell does not say whether it is inside?
bool on_edge(const area& where, cell_id cell, const position& middle) {
  constexpr double degrees = 2e-7, metres = 0.03;
  const auto near = [](double a, double b) { return std::abs(a - b) <= degrees; };
  if (const auto* c = std::get_if<circle>(&where))
    return std::abs(distance_m(c->center, middle) - c->radius_m) <= metres;
  if (const auto* b = std::get_if<box>(&where))
    return near(middle.lat, b->south) || near(middle.lat, b->north) || near(middle.lon, b->west) ||
           near(middle.lon, b->east) || near(std::abs(middle.lon), 180);
  return compare(where, quad::of(cell, quad::deepest)) == overlap::partly;
}

/// Those on the very edge, by their exact positions.
awaitable<result<void>> count_unsure(const ports::call_context& context, ports::database& db, const area& where,
                                     const std::vector<std::int64_t>& keys, bool by_kind, counts_by_kind& counts) {
  constexpr std::size_t chunk = 512;
  for (std::size_t begin = 0; begin < keys.size(); begin += chunk) {
    const std::size_t used = std::min(chunk, keys.size() - begin);
    ports::statement s{.sql = "SELECT lon, lat, kind FROM geo_events WHERE event_key IN " + marks(chunk),
                       .parameters = ports::table(chunk)};
    // The last one fills the rest: one statement for all.
    for (std::size_t i = 0; i < chunk; ++i) s.parameters.add(keys[begin + std::min(i, used - 1)]);
    const auto rows = co_await db.query(context, std::move(s));
    if (!rows) co_return rows.error();
    for (std::size_t i = 0; i < rows->rows(); ++i)
      if (matches(where, {rows->at(i, 0).real(), rows->at(i, 1).real()}))
        ++counts[by_kind ? std::string(rows->at(i, 2).text()) : std::string()];
  }
  co_return result<void>{};
}

/// The index alone says it, but for the few events on the very edge. Answers by how many statements; nothing where
/// there are too many rows.
awaitable<result<std::optional<unsigned>>> count_edge(const ports::call_context& context, ports::database& db,
                                                      const scan& scans, const area& where,
                                                      std::span<const cell_range> edge, count_options options,
                                                      counts_by_kind& counts) {
  if (edge.empty()) co_return std::optional(0u);
  const auto rows = co_await db.query(context, scans.listed(edge, options.max_rows + 1));
  if (!rows) co_return rows.error();
  if (rows->rows() > options.max_rows) co_return std::optional<unsigned>();
  std::vector<std::int64_t> unsure;
  for (std::size_t i = 0; i < rows->rows(); ++i) {
    const cell_id cell = rows->at(i, 0).integer();
    const position middle = center_of(cell);
    if (on_edge(where, cell, middle))
      unsure.push_back(rows->at(i, 1).integer());
    else if (matches(where, middle))
      ++counts[options.by_kind ? std::string(rows->at(i, 2).text()) : std::string()];
  }
  const auto done = co_await count_unsure(context, db, where, unsure, options.by_kind, counts);
  if (!done) co_return done.error();
  co_return std::optional(unsure.empty() ? 1u : 2u);
}

awaitable<result<std::optional<area_count>>> count_history(const ports::call_context& context, ports::database& db,
                                                           const scan& scans, const event_query& query,
                                                           count_options options) {
  options.max_rows = std::min(options.max_rows, most_history_rows);
  const auto t = co_await db.query(
      context, scans.any_order(scan::columns::features, ranges_of(query.where), options.max_rows + 1));
  if (!t) co_return t.error();
  if (t->rows() > options.max_rows) co_return std::optional<area_count>();
  area_count counted{.by_kind = {}, .one_moment = true};
  for (auto& r : scans.matching(*t)) ++counted.by_kind[options.by_kind ? std::move(r.kind) : std::string()];
  co_return std::optional(std::move(counted));
}

}  // namespace

error too_many_to_count(const event_query& query) {
  if (query.at) return {errc::too_large, "too many events were active then in this area; ask for a smaller one"};
  return {errc::too_large, "more than " + std::to_string(most_edge_rows) + " events lie on the edge of the area"};
}

std::uint64_t total_of(const counts_by_kind& counts) {
  std::uint64_t total = 0;
  for (const auto& [kind, count] : counts) total += count;
  return total;
}

awaitable<result<std::optional<area_count>>> count_within(const ports::call_context& context, ports::database& db,
                                                          const scan& scans, const event_query& query,
                                                          count_options options) {
  if (scans.of_history()) co_return co_await count_history(context, db, scans, query, options);
  const auto parts = parts_of(query.where);
  area_count counted;
  // The edge first: it says whether the rest is wanted.
  const auto edge = co_await count_edge(context, db, scans, query.where, parts.edge, options, counted.by_kind);
  if (!edge) co_return edge.error();
  if (!*edge) co_return std::optional<area_count>();
  counted.one_moment = **edge + (parts.whole.empty() ? 0 : 1) <= 1;
  if (parts.whole.empty()) co_return std::optional(std::move(counted));
  const auto whole = co_await db.query(context, scans.counted(parts.whole, options.by_kind));
  if (!whole) co_return whole.error();
  for (std::size_t i = 0; i < whole->rows(); ++i) {
    const auto count = static_cast<std::uint64_t>(whole->at(i, options.by_kind ? 1 : 0).integer());
    if (count > 0) counted.by_kind[options.by_kind ? std::string(whole->at(i, 0).text()) : std::string()] += count;
  }
  co_return std::optional(std::move(counted));
}

awaitable<result<kinds_read>> event_repository::count_kinds(const ports::call_context& context, event_query query) {
  if (const auto ok = check(query); !ok) co_return ok.error();
  const scan scans(query, db_->sql_dialect(), runtime::now());
  area_count counted;
  if (const auto* n = std::get_if<nearest>(&query.where)) {
    auto found = co_await count_nearest(context, *db_, scans, *n);
    if (!found) co_return found.error();
    counted = {.by_kind = std::move(*found), .one_moment = true};
  } else {
    auto found = co_await count_within(context, *db_, scans, query, {.max_rows = most_edge_rows, .by_kind = true});
    if (!found) co_return found.error();
    if (!*found) co_return too_many_to_count(query);
    counted = std::move(**found);
  }
  co_return kinds_read{{counted.by_kind.begin(), counted.by_kind.end()}, counted.one_moment};
}

}  // namespace distsys::domain::geo
