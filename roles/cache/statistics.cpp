#include "statistics.hpp"

#include <chrono>
#include <cmath>
#include <concepts>
#include <string>
#include <string_view>
#include <utility>

namespace distsys::roles::cache {
namespace {

using namespace std::chrono_literals;
using net::http_response;

/// A JSON object, by hand because Boost.JSON writes 0.75 as 7.5E-1: right, and hard to read.
class figures {
 public:
  figures& put(std::string_view name, std::integral auto value) {
    json::append_number(member(name), static_cast<std::int64_t>(value));
    return *this;
  }
  figures& put(std::string_view name, double value) {
    json::append_number(member(name), value);
    return *this;
  }
  figures& put_json(std::string_view name, std::string_view text) {
    member(name) += text;
    return *this;
  }
  std::string done() { return text_.empty() ? "{}" : std::move(text_) + '}'; }

 private:
  std::string& member(std::string_view name) {
    text_ += text_.empty() ? "{\"" : ",\"";
    return text_.append(name).append("\":");
  }
  std::string text_;
};

double ratio(std::uint64_t part, std::uint64_t whole) {
  return whole == 0 ? 0.0 : std::round(static_cast<double>(part) / static_cast<double>(whole) * 1e4) / 1e4;
}

template <class Layer>
void put_kept(figures& f, const Layer& layer) {
  const auto kept = layer.totals();
  f.put("entries", kept.entries).put("bytes", kept.bytes);
  f.put("evictions", kept.statistics.evictions).put("expirations", kept.statistics.expirations);
  f.put("invalidations", layer.dropped());
}

std::string answers_of(const engine& e, const request_counts& n) {
  figures f;
  const std::uint64_t others = n.hits - std::min(n.hits, n.prepared) + n.misses + n.coalesced + n.stale;
  f.put("hits", n.prepared).put("misses", others).put("ratio", ratio(n.prepared, n.prepared + others));
  put_kept(f, e.answers);
  return f.done();
}

std::string cells_of(const engine& e) {
  const cell_counts n = e.loader.counts();
  figures f;
  const std::uint64_t hits = n.hits + n.parent_hits + n.stale_hits;
  f.put("hits", hits).put("misses", n.misses).put("coalesced", n.coalesced);
  f.put("shared_hits", n.shared_hits);
  f.put("ratio", ratio(hits, hits + n.shared_hits + n.misses + n.coalesced));
  f.put("negative_hits", n.negative_hits).put("parent_hits", n.parent_hits).put("stale_hits", n.stale_hits);
  f.put("splits", n.splits).put("refreshes", n.refreshes);
  put_kept(f, e.cells);
  f.put("slots", e.slots.size());
  return f.done();
}

// The second layer.
std::string shared_of(const engine& e) {
  figures f;
  f.put_json("used", e.shared ? "true" : "false");
  if (!e.shared) return f.done();
  const shared_counts n = e.shared->counts();
  f.put_json("available", e.shared->down() ? "false" : "true");
  f.put("hits", n.hits).put("misses", n.misses).put("outdated", n.outdated);
  f.put("corrupt", n.corrupt).put("failures", n.failures);
  f.put("ratio", ratio(n.hits, n.hits + n.misses + n.outdated + n.corrupt + n.failures));
  f.put("stored", n.stored).put("older", n.older).put("failed", n.failed).put("dropped", n.dropped);
  f.put("waiting", e.shared->waiting()).put("floor", e.shared->floor());
  return f.done();
}

// Tiles of counts.
std::string counts_of(const event_counts& counts) {
  const auto kept = counts.totals();
  const std::uint64_t hits = counts.hits(), misses = counts.misses();
  figures f;
  f.put("hits", hits).put("misses", misses).put("ratio", ratio(hits, hits + misses));
  f.put("entries", kept.entries).put("bytes", kept.bytes);
  f.put("evictions", kept.statistics.evictions).put("expirations", kept.statistics.expirations);
  return f.done();
}

std::string database_of(const engine& e) {
  const std::uint64_t cells = e.loader.counts().queries, areas = e.areas.direct_queries();
  const auto ago = runtime::steady_now() - e.fresh.confirmed();
  figures f;
  f.put("queries", cells + areas).put("cell_queries", cells).put("area_queries", areas);
  f.put("sequence", e.fresh.applied());
  f.put("log_read_ms_ago", std::chrono::duration_cast<std::chrono::milliseconds>(ago).count());
  return f.done();
}

}  // namespace

void statistics::add_routes(net::router& routes) {
  routes.get("/stats", [this](net::http_request&) { return read(); });
}

awaitable<http_response> statistics::read() {
  const request_counts n = engine_.desk.counts();
  const auto answers = engine_.answers.totals();
  const auto cells = engine_.cells.totals();
  figures f;
  f.put("hits", n.hits).put("misses", n.misses).put("coalesced", n.coalesced).put("stale", n.stale);
  f.put("ratio", ratio(n.hits, n.hits + n.misses + n.coalesced));
  f.put("refused", n.refused).put("failures", n.failures);
  f.put("entries", answers.entries + cells.entries).put("bytes", answers.bytes + cells.bytes);
  f.put("evictions", answers.statistics.evictions + cells.statistics.evictions);
  f.put("expirations", answers.statistics.expirations + cells.statistics.expirations);
  f.put("invalidations", engine_.answers.dropped() + engine_.cells.dropped());
  f.put("streams", engine_.streams.streams());
  f.put("ttl_seconds", std::chrono::duration<double>(engine_.cells.lifetimes().ttl).count());
  f.put_json("answers", answers_of(engine_, n)).put_json("cells", cells_of(engine_));
  f.put_json("shared", shared_of(engine_)).put_json("counts", counts_of(counts_));
  f.put_json("database", database_of(engine_));
  f.put_json("events", boost::json::serialize(co_await events_by_kind()));
  co_return http_response::bytes(f.done(), "application/json").header("Cache-Control", "no-store");
}

// Null while the database does not answer: the other figures are worth telling then too.
awaitable<json::value> statistics::events_by_kind() {
  {
    const std::scoped_lock lock(mutex_);
    if (runtime::steady_now() < by_kind_until_) co_return by_kind_;
    by_kind_until_ = runtime::steady_now() + 1s;
  }
  const ports::call_context context = ports::call_context::within(5s);
  const auto counted = co_await engine_.events.count_by_kind(context);
  json::value by_kind;
  if (counted) {
    json::object& o = by_kind.emplace_object();
    for (const auto& [kind, count] : *counted) o[kind] = count;
  }
  const std::scoped_lock lock(mutex_);
  by_kind_ = by_kind;
  co_return by_kind;
}

}  // namespace distsys::roles::cache
