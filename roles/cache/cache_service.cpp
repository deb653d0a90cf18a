#include "cache_service.hpp"

#include <boost/asio/this_coro.hpp>

#include <utility>

namespace distsys::roles::cache {

using net::http_request;
using net::http_response;

cache_service::cache_service(app::role_context& context, const cache_settings& settings)
    : context_(context),
      http_(context.http_server("listen")),
      engine_(context.database("database"), context.loops().size(), settings.kept, context.kv_store("kv-store")),
      handlers_(engine_),
      counts_(engine_, settings.kept.max_bytes / 16),
      statistics_(engine_, counts_),
      explain_(engine_),
      writers_(settings.writers),
      intake_(engine_.events, engine_.fresh, writers_),
      purge_(engine_, counts_, writers_),
      stream_handler_(engine_.events, engine_.streams),
      coverage_(context.database("database")),
      tail_(engine_),
      teller_(engine_.events, engine_.fresh, engine_.streams),
      server_(context.loops(), http_, make_routes(settings.page)) {}

// One line an endpoint.
net::router cache_service::make_routes(const page_settings& page) {
  net::router routes;
  handlers_.add_routes(routes);
  routes.get("/events/stream", [this](http_request& r) { return stream_handler_.open(r); });
  routes.get("/coverage", [this](http_request& r) { return coverage_.all(r); });
  intake_.add_routes(routes);
  counts_.add_routes(routes);
  purge_.add_routes(routes);
  routes.get("/health", [this](http_request&) { return health(); });
  statistics_.add_routes(routes);
  explain_.add_routes(routes);
  add_page(routes, page);
  return routes;
}

awaitable<result<void>> cache_service::start() {
  if (const auto ok = co_await context_.migrate(engine_.events.database(), domain::geo::event_repository::migrations());
      !ok) {
    co_return ok.error();
  }
  // A scraper need not have been here yet.
  if (const auto ok = co_await context_.migrate(engine_.events.database(), domain::geo::tile_repository::migrations());
      !ok) {
    co_return ok.error();
  }
  if (const auto ok = co_await tail_.begin(); !ok) co_return ok.error();
  co_return co_await server_.listen();
}

awaitable<result<void>> cache_service::run() {
  telling_.spawn(co_await asio::this_coro::executor, teller_.run());
  co_await tail_.run();
  co_return result<void>{};
}

awaitable<void> cache_service::drain(runtime::deadline limit) { co_await server_.drain(limit); }

awaitable<void> cache_service::stop() {
  co_await server_.close();
  telling_.cancel();
  co_await telling_.wait();
  co_await engine_.stop();
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

}  // namespace distsys::roles::cache
