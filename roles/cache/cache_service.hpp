// The running cache role: the HTTP server, the answers it keeps, and the follower of the change log.
#pragma once

#include "answer_cache.hpp"
#include "change_tail.hpp"
#include "coverage_handler.hpp"
#include "event_handlers.hpp"
#include "page.hpp"
#include "stream_handler.hpp"
#include "stream_hub.hpp"

#include "distsys/app/role.hpp"
#include "distsys/app/service.hpp"
#include "distsys/foundation/metrics.hpp"
#include "distsys/net/http_server.hpp"

#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace distsys::roles::cache {

struct cache_settings {
  std::chrono::microseconds ttl{};
  std::size_t max_bytes = 0;
  std::size_t max_streams = 0, max_streams_an_address = 0;
  page_settings page;
};

class cache_service : public app::service {
 public:
  cache_service(app::role_context& context, const cache_settings& settings);

  awaitable<result<void>> start() override;
  awaitable<result<void>> run() override;
  awaitable<void> drain(runtime::deadline limit) override;
  awaitable<void> stop() override;
  std::vector<std::string> addresses() const override;

 private:
  net::router make_routes(const page_settings& page);
  awaitable<net::http_response> health();
  awaitable<net::http_response> statistics();
  awaitable<json::value> events_by_kind();

  app::role_context& context_;
  net::http_server_options http_;
  domain::geo::event_repository events_;
  answer_cache answers_;
  stream_hub streams_;
  runtime::task_group loads_;
  runtime::blocking_lane packer_;
  event_handlers handlers_;
  stream_handler stream_handler_;
  coverage_handler coverage_;
  change_tail tail_;
  net::http_server server_;
  std::vector<metrics::observed_gauge> gauges_;

  std::mutex mutex_;
  json::value by_kind_;  // counted at most once a second, however often it is asked for
  runtime::steady_clock::time_point by_kind_until_{};
};

}  // namespace distsys::roles::cache
