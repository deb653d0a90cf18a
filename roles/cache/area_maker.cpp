#include "area_maker.hpp"

#include "distsys/domain/geo/cursor.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <chrono>
#include <numbers>
#include <utility>

namespace distsys::roles::cache {
namespace {

namespace geo = domain::geo;
using namespace std::chrono_literals;
using found = cell_loader::found;

constexpr auto load_limit = 10s;
constexpr auto agreement_limit = 50ms;  // for the follower of the log to come to what a load has seen
constexpr auto direct_life = 2s;
constexpr int attempts = 3;
constexpr double half_way_round_m = std::numbers::pi * geo::earth_radius_m * 1.000001;
constexpr double first_ring_m = 500, ring_factor = 8;

/// The children of a split cell that the area touches.
void add_children(std::vector<geo::quad>& to, const geo::quad& of, const geo::area& where) {
  for (const geo::quad& child : of.children())
    if (geo::touches(where, child)) to.push_back(child);
}

bool too_many(std::size_t parts, std::size_t open, std::size_t splits, std::size_t cell_events) {
  return parts + open > area_maker::most_leaves || splits * cell_events > area_maker::most_events;
}

void sort_parts(std::vector<found>& parts) {
  std::sort(parts.begin(), parts.end(),
            [](const found& a, const found& b) { return a.where.range().first < b.where.range().first; });
}

/// The parts of an area as `find` knows each quad, a split one replaced by those of its children that the area touches,
/// which it is told of. Nothing when there are too many, or when `find` has nothing for one of them.
template <class Find, class Split>
std::optional<std::vector<found>> parts_of(const geo::area& where, std::size_t cell_events, Find find, Split split) {
  std::vector<found> all;
  for (std::vector<geo::quad> open = cover_of(where), next; !open.empty(); open.swap(next)) {
    next.clear();
    std::size_t splits = 0;
    for (const geo::quad& q : open) {
      std::optional<found> f = find(q);
      if (!f) return std::nullopt;
      if (f->from && f->from->split() && q.level() < geo::quad::deepest) {
        ++splits;
        split(*f);
        add_children(next, q, where);
      } else {
        all.push_back(std::move(*f));
      }
    }
    if (too_many(all.size(), next.size(), splits, cell_events)) return std::nullopt;
  }
  sort_parts(all);
  return all;
}

/// Of one load, and so of one moment.
bool of_one_load(const std::vector<found>& all) {
  return std::all_of(all.begin(), all.end(), [&](const found& f) { return f.from->load == all.front().from->load; });
}

std::int64_t youngest(const std::vector<found>& all) {
  std::int64_t seen = 0;
  for (const found& f : all) seen = std::max(seen, f.from->seen);
  return seen;
}

provenance provenance_of(const std::vector<found>& parts) {
  std::size_t kept = 0, late = 0, shared = 0, loaded = 0, joined = 0;
  for (const found& f : parts) {
    kept += f.how == origin::cell || f.how == origin::parent || f.how == origin::stale ? 1 : 0;
    late += f.how == origin::stale ? 1 : 0;
    shared += f.how == origin::shared ? 1 : 0;
    loaded += f.how == origin::loaded ? 1 : 0;
    joined += f.how == origin::joined ? 1 : 0;
  }
  if (loaded > 0) return kept + shared > 0 ? provenance::partial : provenance::database;
  if (joined > 0) return provenance::joined;
  if (shared > 0) return provenance::shared;
  return late > 0 ? provenance::late_cells : provenance::cells;
}

made made_of(const assembled& a, const std::vector<found>& parts, slot_table::watch watch) {
  made m;
  m.body = collection_of(a.features, a.matched, a.next_cursor);
  m.watch = std::move(watch);
  m.next_expiry = a.next_expiry;
  m.how = provenance_of(parts);
  m.filled = m.fresh_until = time_point::max();
  for (const found& f : parts) {
    m.without_shared = m.without_shared || f.without_shared;
    m.filled = std::min(m.filled, f.from->filled);
    m.fresh_until = std::min(m.fresh_until, f.from->fresh_until);
  }
  return m;
}

}  // namespace

std::vector<geo::quad> cover_of(const geo::area& where) {
  return geo::cover_quads(where, area_maker::most_quads, area_maker::finest_level);
}

area_maker::area_maker(geo::event_repository& events, slot_table& slots, freshness& fresh, cell_loader& cells,
                       load_gate& gate)
    : events_(events),
      slots_(slots),
      fresh_(fresh),
      cells_(cells),
      gate_(gate),
      direct_(metrics::get_counter("distsys_cache_database_queries_total",
                                   "Reads of the database, by what they are for", {{"for", "areas"}})) {}

awaitable<result<made>> area_maker::make(geo::event_query query, trust how) {
  co_await asio::this_coro::throw_if_cancelled(false);
  if (const auto ok = geo::check(query); !ok) co_return ok.error();
  if (const auto after = geo::read_cursor(query); !after) co_return after.error();
  const bool cells = !query.at && cells_.cells().lifetimes().ttl > time_point::duration::zero();
  for (int n = 1; cells && n <= attempts; ++n) {
    // What one statement reads agrees with itself.
    const trust now = n == attempts && how == trust::believed ? trust::doubted : how;
    const bool near = std::holds_alternative<geo::nearest>(query.where);
    auto tried = near ? co_await nearest(query, now) : co_await within(query, now);
    if (!tried) co_return tried.error();
    if (tried->what) co_return std::move(*tried->what);
    if (!tried->again) break;
  }
  co_return co_await directly(std::move(query), how);
}

awaitable<result<area_maker::parts>> area_maker::gather(geo::area where, std::vector<geo::quad> cover, trust how) {
  std::vector<found> all;
  while (!cover.empty()) {
    auto got = co_await cells_.get(std::move(cover), how, runtime::steady_now() + load_limit);
    if (!got) co_return got.error();
    cover.clear();
    std::size_t splits = 0;
    for (found& f : *got) {
      if (!f.from->split()) {
        all.push_back(std::move(f));
        continue;
      }
      ++splits;
      if (f.where.level() == geo::quad::deepest) co_return parts();
      add_children(cover, f.where, where);
    }
    if (too_many(all.size(), cover.size(), splits, cells_.bounds().cell_events)) co_return parts();
  }
  sort_parts(all);
  co_return parts(std::move(all));
}

// Parts of different loads are of different moments. Once the follower has applied what the youngest has seen, and none
// of it has touched the area since the watch was taken, nor a part since its own was, all of them are of this moment.
awaitable<bool> area_maker::agree(const std::vector<found>& all, const slot_table::watch& watch, trust how) {
  if (of_one_load(all)) co_return true;
  const std::int64_t seen = youngest(all);
  if (how == trust::stale) co_return true;  // the log cannot be read: nobody knows better
  if (fresh_.applied() < seen && !co_await fresh_.catch_up_to(seen, runtime::steady_now() + agreement_limit))
    co_return false;
  co_return watch.valid() && std::all_of(all.begin(), all.end(), [](const found& f) { return f.from->valid(); });
}

std::optional<made> area_maker::make_at_once(const geo::event_query& query, executor here) {
  if (query.at || std::holds_alternative<geo::nearest>(query.where) || !geo::check(query)) return std::nullopt;
  const time_point now = runtime::steady_now();
  const std::uint64_t fill = slots_.fills();
  std::vector<found> splits;
  const auto all = parts_of(
      query.where, cells_.bounds().cell_events,
      [&](const geo::quad& q) { return cells_.kept(q, trust::believed, now); },
      [&](const found& f) { splits.push_back(f); });
  if (!all || std::any_of(all->begin(), all->end(), [](const found& f) { return f.from->split(); }))
    return std::nullopt;
  std::vector<const slot_table::watch*> watches;
  watches.reserve(all->size());
  for (const found& f : *all) watches.push_back(&f.from->watch);
  auto watch = slots_.join(watches, fill);
  // What the youngest part has seen is applied, and has left all of them as they are. In this order: what is applied
  // between the two has touched its slots before.
  const std::int64_t applied = fresh_.applied();
  if (!watch.valid() || (!of_one_load(*all) && applied < youngest(*all))) return std::nullopt;
  const auto a = assemble(query, *all, runtime::now());
  if (!a) return std::nullopt;
  for (const found& f : splits) cells_.used(f, trust::believed, now, here);
  for (const found& f : *all) cells_.used(f, trust::believed, now, here);
  return made_of(*a, *all, std::move(watch));
}

awaitable<result<area_maker::attempt>> area_maker::within(const geo::event_query& query, trust how) {
  auto cover = cover_of(query.where);
  auto watch = slots_.take(cover);
  auto all = co_await gather(query.where, std::move(cover), how);
  if (!all) co_return all.error();
  if (!*all) co_return attempt{};
  if (!co_await agree(**all, watch, how)) co_return attempt{.what = {}, .again = true};
  const auto a = assemble(query, **all, runtime::now());
  if (!a) co_return a.error();
  auto what = made_of(*a, **all, std::move(watch));
  co_return attempt{.what = std::move(what)};
}

awaitable<result<area_maker::attempt>> area_maker::nearest(const geo::event_query& query, trust how) {
  const geo::position center = std::get<geo::nearest>(query.where).center;
  for (double reach = first_ring_m;; reach *= ring_factor) {
    const bool whole = reach >= half_way_round_m;
    const geo::area ring = whole ? geo::area(geo::everywhere{}) : geo::area(geo::circle{center, reach});
    auto cover = cover_of(ring);
    auto watch = slots_.take(cover);
    auto all = co_await gather(ring, std::move(cover), how);
    if (!all) co_return all.error();
    if (!*all) co_return attempt{};
    if (!co_await agree(**all, watch, how)) co_return attempt{.what = {}, .again = true};
    const auto a = assemble_nearest(query, **all, reach, whole, runtime::now());
    if (!a) co_return a.error();
    if (!*a) continue;
    auto what = made_of(**a, **all, std::move(watch));
    co_return attempt{.what = std::move(what)};
  }
}

// find() may take several statements: what changes between them would be in one part of the answer and not in the
// other.
awaitable<bool> area_maker::untouched(const slot_table::watch& watch) {
  const ports::call_context context = ports::call_context::within(load_limit);
  const auto last = co_await events_.last_sequence(context);
  if (!last) co_return true;  // the answer is there: what of it could be better is not known
  co_return co_await fresh_.catch_up_to(*last, runtime::steady_now() + agreement_limit) && watch.valid();
}

// When the first event about here expires, perhaps of one outside the area; nothing where that would be too much to
// read.
awaitable<result<std::optional<std::int64_t>>> area_maker::expiry_about(const ports::call_context& context,
                                                                        const geo::area& where,
                                                                        const std::vector<geo::quad>& cover) {
  if (std::holds_alternative<geo::nearest>(where) || cover.empty()) co_return std::optional<std::int64_t>();
  const auto about = co_await events_.count_quads(context, cover, cover.front().level());
  if (!about) co_return about.error();
  std::int64_t first = geo::event_rows::never;
  for (const geo::quad_counts& q : *about) first = std::min(first, q.next_expiry);
  co_return std::optional(first);
}

awaitable<result<std::optional<made>>> area_maker::little(const geo::event_query& query) {
  made m;
  m.filled = m.fresh_until = runtime::steady_now();
  const ports::call_context context = ports::call_context::within(load_limit);
  direct_.add();
  const auto page = co_await events_.find_little(context, query);
  if (!page) co_return page.error();
  if (!*page) co_return std::optional<made>();
  m.body = collection_of(**page);
  co_return std::optional(std::move(m));
}

awaitable<result<made>> area_maker::directly(geo::event_query query, trust how) {
  if (how == trust::kept_only || how == trust::stale) co_return error{errc::not_found, "not kept"};
  const bool past = query.at.has_value(), keeps = cells_.cells().lifetimes().ttl > time_point::duration::zero();
  // What comes here although cells are kept is too large for them. Without, most is small, and need not wait.
  if (!keeps) {
    auto m = co_await little(query);
    if (!m) co_return m.error();
    if (*m) co_return std::move(**m);
  }
  const auto inside = co_await gate_.enter(runtime::steady_now() + load_limit);
  if (!inside) co_return inside.error();
  for (int n = 1;; ++n) {
    made m;
    const auto cover = cover_of(query.where);  // of nearest: the world
    m.watch = slots_.take(cover);
    m.filled = runtime::steady_now();
    m.fresh_until = cells_.cells().fresh_until(m.filled);
    const ports::call_context context = ports::call_context::within(load_limit);
    // What was there at a past time does not expire, and what is not kept need not.
    if (!past && keeps) {
      const auto expiry = co_await expiry_about(context, query.where, cover);
      if (!expiry) co_return expiry.error();
      m.next_expiry = expiry->value_or(m.next_expiry);
      if (!*expiry) m.fresh_until = std::min(m.fresh_until, m.filled + direct_life);
    }
    direct_.add();
    const auto page = co_await events_.find(context, query);
    if (!page) co_return page.error();
    // Of several statements. Where something changes all the time, the last attempt is as good as it gets. What is told
    // late changes the past.
    if (!page->one_moment && n < attempts && !co_await untouched(m.watch)) continue;
    m.body = collection_of(*page);
    co_return m;
  }
}

std::optional<std::vector<found>> area_maker::peek(const geo::area& where, time_point now) const {
  const auto* near = std::get_if<geo::nearest>(&where);
  const geo::area ring = near ? geo::area(geo::circle{near->center, first_ring_m}) : where;
  return parts_of(
      ring, cells_.bounds().cell_events, [&](const geo::quad& q) { return std::optional(cells_.peek(q, now)); },
      [](const found&) {});
}

}  // namespace distsys::roles::cache
