#include "assemble.hpp"

#include "distsys/domain/geo/cursor.hpp"

#include <algorithm>
#include <bit>
#include <utility>

namespace distsys::roles::cache {
namespace {

namespace geo = domain::geo;
using geo::event_rows;

constexpr std::size_t few_rows = 16;

/// The query's filters over the rows of one cell: names are compared once a cell, not once a row.
class row_filter {
 public:
  row_filter(const geo::event_query& q, const event_rows& rows, runtime::timestamp now)
      : query_(q),
        now_(now.time_since_epoch().count()),
        kinds_(wanted(q.kinds, rows.kinds())),
        sources_(wanted(q.sources, rows.sources())),
        since_(q.since ? q.since->time_since_epoch().count() : std::numeric_limits<std::int64_t>::min()) {}

  bool operator()(const event_rows::row& r) const noexcept {
    return r.expires > now_ && (kinds_.empty() || kinds_[r.kind]) && (sources_.empty() || sources_[r.source]) &&
           r.since >= since_ && (!query_.min_severity || r.severity >= *query_.min_severity);
  }

 private:
  static std::vector<bool> wanted(const std::vector<std::string>& names, std::span<const std::string> of_cell) {
    if (names.empty()) return {};
    // One more, so that a cell without names is no cell without filter.
    std::vector<bool> is(of_cell.size() + 1);
    for (std::size_t i = 0; i < of_cell.size(); ++i)
      is[i] = std::find(names.begin(), names.end(), of_cell[i]) != names.end();
    return is;
  }

  const geo::event_query& query_;
  const std::int64_t now_;
  const std::vector<bool> kinds_, sources_;
  const std::int64_t since_;
};

geo::cursor place_of(const event_rows::row& r) { return {r.cell, r.key}; }

}  // namespace

result<assembled> assemble(const geo::event_query& query, std::span<const cell_loader::found> parts,
                           runtime::timestamp now) {
  const auto after = geo::read_cursor(query);
  if (!after) return after.error();
  assembled out;
  const geo::area_test inside(query.where);
  geo::cursor last;
  bool more = false;
  for (const auto& part : parts) {
    const event_rows& rows = *part.from->rows;
    const auto some = rows.rows(part.where.range());
    if (some.empty()) continue;
    const row_filter wanted(query, rows, now);
    // Of few rows each is looked at sooner than their quad.
    const bool whole = some.size() > few_rows && geo::compare(query.where, part.where) == geo::overlap::whole;
    for (const event_rows::row& r : some) {
      if (!wanted(r) || (!whole && !inside(r.at))) continue;
      ++out.matched;
      out.next_expiry = std::min(out.next_expiry, r.expires);
      if (*after && place_of(r) <= **after) continue;
      if (out.features.size() == query.limit) {
        more = true;
        continue;
      }
      out.features.push_back(rows.feature(r));
      last = place_of(r);
    }
  }
  if (more) out.next_cursor = geo::write_cursor(last, query);
  return out;
}

namespace {

struct ranked {
  geo::cursor place;  // the distance's bits, which sort like it, and the key
  const event_rows* of;
  const event_rows::row* row;
};

std::vector<ranked> within(const geo::event_query& query, std::span<const cell_loader::found> parts, double reach_m,
                           runtime::timestamp now) {
  const geo::position center = std::get<geo::nearest>(query.where).center;
  std::vector<ranked> all;
  for (const auto& part : parts) {
    const event_rows& rows = *part.from->rows;
    const row_filter wanted(query, rows, now);
    for (const event_rows::row& r : rows.rows(part.where.range())) {
      if (!wanted(r)) continue;
      const double d = geo::distance_m(center, r.at);
      if (d <= reach_m) all.push_back({{std::bit_cast<std::int64_t>(d + 0.0), r.key}, &rows, &r});
    }
  }
  return all;
}

}  // namespace

result<std::optional<assembled>> assemble_nearest(const geo::event_query& query,
                                                  std::span<const cell_loader::found> parts, double reach_m, bool whole,
                                                  runtime::timestamp now) {
  const auto after = geo::read_cursor(query);
  if (!after) return after.error();
  const std::size_t k = std::get<geo::nearest>(query.where).k;
  auto all = within(query, parts, reach_m, now);
  if (all.size() < k && !whole) return std::optional<assembled>();
  const auto end = all.begin() + static_cast<std::ptrdiff_t>(std::min(all.size(), k));
  std::partial_sort(all.begin(), end, all.end(), [](const ranked& a, const ranked& b) { return a.place < b.place; });
  assembled out;
  out.matched = static_cast<std::uint64_t>(end - all.begin());
  geo::cursor last;
  bool more = false;
  for (auto r = all.begin(); r != end; ++r) {
    out.next_expiry = std::min(out.next_expiry, r->row->expires);
    if (*after && r->place <= **after) continue;
    more = out.features.size() == query.limit;
    if (more) continue;
    out.features.push_back(r->of->feature(*r->row));
    last = r->place;
  }
  if (more) out.next_cursor = geo::write_cursor(last, query);
  return std::optional(std::move(out));
}

}  // namespace distsys::roles::cache
