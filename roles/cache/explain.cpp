#include "explain.hpp"

#include "event_request.hpp"

#include "distsys/foundation/json.hpp"
#include "distsys/foundation/text.hpp"

#include <chrono>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace distsys::roles::cache {
namespace {

namespace geo = domain::geo;
using net::http_request;
using net::http_response;
using found = cell_loader::found;

constexpr auto gate_limit = std::chrono::milliseconds(50);  // as requests for events wait

template <class Unit>
std::int64_t count_of(std::chrono::steady_clock::duration d) {
  return std::chrono::duration_cast<Unit>(d).count();
}

/// The query without `fill`, and whether that was true.
std::pair<std::string, bool> without_fill(std::string_view encoded) {
  std::string rest;
  bool fill = false;
  for (const std::string_view part : split(encoded, '&')) {
    if (part == "fill=true") fill = true;
    if (part.empty() || part.starts_with("fill=")) continue;
    if (!rest.empty()) rest += '&';
    rest += part;
  }
  return {std::move(rest), fill};
}

struct place {
  std::string_view layer, status;
};

place place_of(const found& before, bool prepared) {
  if (prepared) return {"answer", "hit"};
  if (!before.from) return {"database", "miss"};
  if (before.from->split()) return {"cell", "split"};
  if (before.how == origin::stale) return {"cell", "stale"};
  if (before.from->negative()) return {before.how == origin::parent ? "parent" : "cell", "negative"};
  return {before.how == origin::parent ? "parent" : "cell", "hit"};
}

json::object describe(const found& f, place at, time_point now) {
  const geo::box b = f.where.bounds();
  json::object o{{"cell", f.where.name()},
                 {"bbox", json::array{b.west, b.south, b.east, b.north}},
                 {"layer", at.layer},
                 {"status", at.status}};
  if (!f.from) return o;
  o["age_ms"] = count_of<std::chrono::milliseconds>(now - f.from->filled);
  o["ttl_ms"] = count_of<std::chrono::milliseconds>(f.from->fresh_until - now);
  o["cost_us"] = f.from->cost.count();
  o["bytes"] = f.from->heap_bytes();
  o["read_by"] = f.from->shared ? "another process" : "this process";
  if (f.from->rows) o["events"] = f.from->rows->rows(f.where.range()).size();
  if (f.from->where != f.where) o["in"] = f.from->where.name();
  return o;
}

}  // namespace

void explain::add_routes(net::router& routes) {
  routes.get("/explain", [this](http_request& r) { return read(r); });
}

awaitable<http_response> explain::read(http_request& request) {
  const auto [encoded, fill] = without_fill(request.query);
  auto wanted = read_event_request(encoded);
  if (!wanted) co_return http_response::from_error(wanted.error());
  co_await engine_.fresh.catch_up(runtime::steady_now() + gate_limit);
  const time_point begun = runtime::steady_now();
  const bool believed = engine_.fresh.believed(begun);
  const bool prepared = believed && engine_.answers.holds(wanted->key, begun);
  const geo::area where = wanted->query.where;
  // The past, and where nothing is kept: the database is asked whatever cells there are.
  const bool cells_used =
      !wanted->query.at && engine_.cells.lifetimes().ttl > std::chrono::steady_clock::duration::zero();
  const auto before = cells_used ? engine_.areas.peek(where, begun) : std::nullopt;
  std::unordered_map<std::uint64_t, place> places;
  if (before)
    for (const found& f : *before) places.emplace(f.where.code(), place_of(f, prepared));
  if (fill) {
    const auto made = co_await engine_.areas.make(wanted->query, believed ? trust::believed : trust::doubted);
    if (!made) co_return http_response::from_error(made.error());
  }
  const time_point now = runtime::steady_now();
  const auto after = fill && cells_used ? engine_.areas.peek(where, now) : before;

  json::array cells;
  std::uint64_t events = 0;
  if (after) {
    for (const found& f : *after) {
      const auto known = places.find(f.where.code());
      place at = known != places.end() ? known->second : place{"database", "miss"};
      // What was missing has come from the second layer.
      if (at.status == "miss" && f.from && f.from->shared) at.layer = "shared";
      cells.push_back(describe(f, at, now));
      if (f.from && f.from->rows) events += f.from->rows->rows(f.where.range()).size();
    }
  }
  json::object o{{"query", wanted->key},
                 {"level", cover_of(where).front().level()},
                 {"prepared", prepared},
                 {"believed", believed},
                 {"direct", !after},  // the past, nothing kept, too many cells: the database is asked for the whole
                 {"cells", std::move(cells)},
                 {"events", events},
                 {"cost_us", count_of<std::chrono::microseconds>(now - begun)}};
  if (!after) o["layer"] = prepared ? "answer" : "database";
  co_return http_response::json(std::move(o)).header("Cache-Control", "no-store");
}

}  // namespace distsys::roles::cache
