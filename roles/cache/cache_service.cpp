#include "cache_service.hpp"

#include <cmath>
#include <type_traits>
#include <utility>

namespace distsys::roles::cache {
namespace {

using namespace std::chrono_literals;
using net::http_request;
using net::http_response;

constexpr std::size_t max_packing = 16;  // answers that wait to be compressed; more are sent plain

}  // namespace

cache_service::cache_service(app::role_context& context, const cache_settings& settings)
    : context_(context),
      http_(context.http_server("listen")),
      events_(context.database("database")),
      answers_(settings.max_bytes, settings.ttl, context.loops().size()),
      streams_(settings.max_streams, settings.max_streams_an_address),
      packer_("cache-gzip", max_packing),
      handlers_(events_, answers_, loads_, packer_),
      stream_handler_(events_, streams_),
      coverage_(context.database("database")),
      tail_(events_, answers_, streams_),
      server_(context.loops(), http_, make_routes(settings.page)) {
  gauges_.emplace_back("distsys_cache_entries", "Answers kept", metrics::labels{},
                       [this] { return static_cast<double>(answers_.totals().entries); });
  gauges_.emplace_back("distsys_cache_bytes", "Bytes of the answers kept", metrics::labels{},
                       [this] { return static_cast<double>(answers_.totals().bytes); });
  gauges_.emplace_back("distsys_cache_streams", "Event streams open", metrics::labels{},
                       [this] { return static_cast<double>(streams_.streams()); });
}

net::router cache_service::make_routes(const page_settings& page) {
  net::router routes;
  routes.get("/events", [this](http_request& r) { return handlers_.area(r); });
  routes.get("/events/stream", [this](http_request& r) { return stream_handler_.open(r); });
  // An id may hold slashes: encoded ones are part of a segment, plain ones are the rest of the path.
  routes.get("/events/{source}/{id}", [this](http_request& r) { return handlers_.one(r); });
  routes.get("/events/{source}/{id*}", [this](http_request& r) { return handlers_.one(r); });
  routes.get("/coverage", [this](http_request& r) { return coverage_.all(r); });
  routes.get("/health", [this](http_request&) { return health(); });
  routes.get("/stats", [this](http_request&) { return statistics(); });
  add_page(routes, page);
  return routes;
}

awaitable<result<void>> cache_service::start() {
  if (const auto ok = co_await context_.migrate(events_.database(), domain::geo::event_repository::migrations()); !ok) {
    co_return ok.error();
  }
  // A scraper need not have been here yet.
  if (const auto ok = co_await context_.migrate(events_.database(), domain::geo::tile_repository::migrations()); !ok) {
    co_return ok.error();
  }
  if (const auto ok = co_await tail_.begin(); !ok) co_return ok.error();
  co_return co_await server_.listen();
}

awaitable<result<void>> cache_service::run() {
  co_await tail_.run();
  co_return result<void>{};
}

awaitable<void> cache_service::drain(runtime::deadline limit) { co_await server_.drain(limit); }

awaitable<void> cache_service::stop() {
  co_await server_.close();
  loads_.cancel();
  co_await loads_.wait();
}

std::vector<std::string> cache_service::addresses() const {
  const bool v6 = http_.host.find(':') != std::string::npos;
  const std::string host = v6 ? '[' + http_.host + ']' : http_.host;
  return {(http_.tls.certificate.empty() ? "http://" : "https://") + host + ':' + std::to_string(server_.port()) + '/'};
}

// What a health check asks: is this process answering? Its backends are /readyz of the operations port.
awaitable<http_response> cache_service::health() {
  co_return http_response::json({{"status", "healthy"}}).header("Cache-Control", "no-store");
}

awaitable<http_response> cache_service::statistics() {
  const request_counts n = handlers_.counts();
  const auto kept = answers_.totals();
  const std::uint64_t answered = n.hits + n.misses + n.coalesced;
  const double ratio = answered == 0 ? 0.0 : static_cast<double>(n.hits) / static_cast<double>(answered);
  std::string text;
  // By hand, because Boost.JSON writes 0.75 as 7.5E-1: right, and hard to read.
  const auto put = [&text](std::string_view name, auto value) {
    text += text.empty() ? "{\"" : ",\"";
    text.append(name).append("\":");
    if constexpr (std::is_floating_point_v<decltype(value)>) {
      json::append_number(text, value);
    } else {
      json::append_number(text, static_cast<std::int64_t>(value));
    }
  };
  put("hits", n.hits);
  put("misses", n.misses);
  put("coalesced", n.coalesced);
  put("ratio", std::round(ratio * 1e4) / 1e4);
  put("refused", n.refused);
  put("failures", n.failures);
  put("entries", kept.entries);
  put("bytes", kept.bytes);
  put("evictions", kept.statistics.evictions);
  put("expirations", kept.statistics.expirations);
  put("invalidations", answers_.dropped());
  put("streams", streams_.streams());
  put("ttl_seconds", std::chrono::duration<double>(answers_.ttl()).count());
  text += ",\"events\":" + boost::json::serialize(co_await events_by_kind()) + '}';
  co_return http_response::bytes(std::move(text), "application/json").header("Cache-Control", "no-store");
}

// Null while the database does not answer: the other figures are worth telling then too.
awaitable<json::value> cache_service::events_by_kind() {
  {
    const std::scoped_lock lock(mutex_);
    if (runtime::steady_now() < by_kind_until_) co_return by_kind_;
    by_kind_until_ = runtime::steady_now() + 1s;
  }
  const ports::call_context context = ports::call_context::within(5s);
  const auto counted = co_await events_.count_by_kind(context);
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
