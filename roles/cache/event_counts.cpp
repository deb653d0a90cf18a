#include "event_counts.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

namespace distsys::roles::cache {
namespace {

using namespace std::chrono_literals;
using net::http_request;
using net::http_response;
namespace geo = domain::geo;

constexpr unsigned levels_a_tile = 4;
constexpr std::size_t shards = 4;
constexpr std::size_t tiles_a_statement = 64;
constexpr auto load_limit = 10s;
constexpr auto agreement_limit = 50ms;  // for the follower of the log to come to what a load has seen
constexpr int attempts = 3;
constexpr char spelling_mark = '\n';  // no query holds one: spellings of /events are queries

metrics::counter& tile_counter(std::string_view outcome) {
  return metrics::get_counter("distsys_cache_count_tiles_total", "Tiles of counts asked for, by where they were found",
                              {{"outcome", outcome}});
}

std::string tile_key(const geo::quad& q, unsigned level) { return std::to_string(level) + q.name(); }

error not_kept() { return {errc::not_found, "not kept"}; }

/// Their counts are of the database alone, so that stale ones and those of kept tiles may not be had.
bool kept_only(trust how) { return how == trust::kept_only || how == trust::stale; }

}  // namespace

event_counts::event_counts(engine& e, std::size_t max_bytes)
    : engine_(e), tiles_(max_bytes, shards), hits_(tile_counter("hit")), misses_(tile_counter("miss")) {
  gauges_.emplace_back("distsys_cache_count_tiles_bytes", "Bytes of the tiles of counts that are kept",
                       metrics::labels{}, [this] { return static_cast<double>(tiles_.read().bytes); });
}

void event_counts::add_routes(net::router& routes) {
  routes.get("/events/count", [this](http_request& r) { return count(r); });
}

awaitable<http_response> event_counts::count(http_request& request) {
  const std::string spelling = spelling_mark + std::string(request.query);
  const time_point now = runtime::steady_now();
  if (const shared_answer found = engine_.desk.find_spelling(spelling, now)) {
    if (answer_desk::wants_packing(request, *found)) co_await engine_.desk.pack(found);
    co_return engine_.desk.deliver_hit(found, now);
  }
  auto read = read_count_request(request.query);
  if (!read) co_return engine_.desk.refuse(read.error());
  const auto wanted = std::make_shared<const count_request>(std::move(*read));
  maker make{.make = [this, wanted](trust how) { return wanted->by_cell ? cells(wanted, how) : kinds(wanted, how); },
             .at_once = {}};
  co_return co_await engine_.desk.serve(request, spelling, "count " + wanted->key, std::move(make));
}

awaitable<result<made>> event_counts::kinds(shared_request wanted, trust how) {
  if (kept_only(how)) co_return not_kept();
  const auto inside = co_await engine_.long_loads.enter(runtime::steady_now() + load_limit);
  if (!inside) co_return inside.error();
  const auto cover = geo::cover_quads(wanted->query.where);
  for (int n = 1;; ++n) {
    made m;
    m.content_type = "application/json";
    m.how = provenance::database;
    m.watch = engine_.slots.take(cover);
    m.filled = runtime::steady_now();
    m.fresh_until = engine_.cells.fresh_until(m.filled);
    const ports::call_context context = ports::call_context::within(load_limit);
    if (!wanted->query.at && !cover.empty()) {
      // When the first event about here expires: of its quads, so perhaps of one outside the area.
      const auto about = co_await engine_.events.count_quads(context, cover, cover.front().level());
      if (!about) co_return about.error();
      for (const geo::quad_counts& q : *about) m.next_expiry = std::min(m.next_expiry, q.next_expiry);
    }
    const auto counted = co_await engine_.events.count_kinds(context, wanted->query);
    if (!counted) co_return counted.error();
    // Of several statements. Where something changes all the time, the last attempt is as good as it gets.
    if (!counted->one_moment && n < attempts && !co_await engine_.areas.untouched(m.watch)) continue;
    kind_counts counts;
    for (const auto& [kind, number] : counted->counts) counts[kind] += number;
    m.body = kinds_json(counts);
    co_return m;
  }
}

event_counts::shared_tile event_counts::find(const geo::quad& q, unsigned level, time_point now) {
  shared_tile t = tiles_.find(tile_key(q, level), now).value_or(nullptr);
  const bool good = t && t->watch.valid() && t->next_expiry > runtime::now().time_since_epoch().count();
  return good ? t : nullptr;
}

void event_counts::forget() {
  engine_.slots.end_fills();
  std::vector<shared_tile> all;
  tiles_.erase_if([&all](std::string_view, const shared_tile& t) {
    all.push_back(t);
    return true;
  });
  std::vector<const slot_table::watch*> watches;
  watches.reserve(all.size());
  for (const shared_tile& t : all) watches.push_back(&t->watch);
  engine_.slots.touch(watches);
}

awaitable<result<void>> event_counts::load(std::span<const geo::quad> missing, unsigned level,
                                           std::vector<shared_tile>& to) {
  std::vector<std::shared_ptr<count_tile>> fresh;
  const time_point now = runtime::steady_now();
  for (const geo::quad& q : missing) {
    fresh.push_back(std::make_shared<count_tile>());
    fresh.back()->watch = engine_.slots.take(q);
    fresh.back()->filled = now;
    fresh.back()->fresh_until = engine_.cells.fresh_until(now);
  }
  const ports::call_context context = ports::call_context::within(load_limit);
  const auto read = co_await engine_.events.count_quads(context, {missing.begin(), missing.end()}, level);
  if (!read) co_return read.error();
  if (read->size() != missing.size()) co_return error{errc::internal, "not every tile was counted"};
  const auto seen = co_await engine_.events.last_sequence(context);  // at least what the counts know
  if (!seen) co_return seen.error();
  for (std::size_t i = 0; i < fresh.size(); ++i) {
    count_tile& t = *fresh[i];
    t.take((*read)[i]);
    t.seen = *seen;
    if (engine_.cells.lifetimes().ttl > time_point::duration::zero()) {
      tiles_.insert_if([&t] { return t.watch.keepable(); }, tile_key(missing[i], level), fresh[i], t.heap_bytes(),
                       t.fresh_until);
    }
    to.push_back(fresh[i]);
  }
  co_return result<void>{};
}

awaitable<result<void>> event_counts::load_all(std::span<const geo::quad> missing, unsigned level,
                                               std::vector<shared_tile>& to) {
  if (missing.empty()) co_return result<void>{};
  const auto inside = co_await engine_.long_loads.enter(runtime::steady_now() + load_limit);
  if (!inside) co_return inside.error();
  for (std::size_t from = 0; from < missing.size(); from += tiles_a_statement) {
    const auto part = missing.subspan(from, std::min(tiles_a_statement, missing.size() - from));
    if (const auto ok = co_await load(part, level, to); !ok) co_return ok.error();
  }
  co_return result<void>{};
}

// Tiles of one statement agree. Others do once the follower has applied what the youngest has seen, and none of it has
// touched any of them since the watch was taken.
awaitable<bool> event_counts::agree(const std::vector<shared_tile>& tiles, std::size_t loaded,
                                    const slot_table::watch& watch) {
  if (tiles.size() <= 1 || (loaded == tiles.size() && loaded <= tiles_a_statement)) co_return true;
  std::int64_t seen = 0;
  for (const shared_tile& t : tiles) seen = std::max(seen, t->seen);
  freshness& fresh = engine_.fresh;
  if (fresh.applied() < seen && !co_await fresh.catch_up_to(seen, runtime::steady_now() + agreement_limit))
    co_return false;
  co_return watch.valid();
}

awaitable<result<made>> event_counts::cells(shared_request wanted, trust how) {
  const unsigned above = wanted->level < levels_a_tile ? 0 : wanted->level - levels_a_tile;
  std::vector<geo::quad> wide;  // the cells ascend along the curve, and so do their tiles
  for (const geo::quad& c : wanted->cells)
    if (const geo::quad t = c.ancestor(above); wide.empty() || wide.back() != t) wide.push_back(t);
  for (int n = 1;; ++n) {
    made m;
    m.content_type = "application/json";
    m.watch = engine_.slots.take(wide);  // before any tile is found or read
    const time_point now = m.filled = runtime::steady_now();
    // The last time all of them are read.
    const bool all_anew = how == trust::doubted || (how == trust::believed && n == attempts);
    std::vector<shared_tile> tiles;
    std::vector<geo::quad> missing;
    for (const geo::quad& q : wide) {
      shared_tile t = all_anew ? nullptr : find(q, wanted->level, now);
      if (t) {
        tiles.push_back(std::move(t));
      } else {
        missing.push_back(q);
      }
    }
    if (kept_only(how) && !(missing.empty() && co_await agree(tiles, 0, m.watch))) co_return not_kept();
    hits_.add(tiles.size());
    misses_.add(missing.size());
    m.how = missing.empty() ? provenance::cells : tiles.empty() ? provenance::database : provenance::partial;
    if (const auto ok = co_await load_all(missing, wanted->level, tiles); !ok) co_return ok.error();
    // Where something changes all the time, the last attempt is as good as it gets.
    if (n < attempts && !kept_only(how) && !co_await agree(tiles, missing.size(), m.watch)) continue;
    for (const shared_tile& t : tiles) {
      m.filled = std::min(m.filled, t->filled);
      m.fresh_until = std::min(m.fresh_until, t->fresh_until);
      m.next_expiry = std::min(m.next_expiry, t->next_expiry);
    }
    m.body = cells_json(*wanted, tiles);
    co_return m;
  }
}

}  // namespace distsys::roles::cache
