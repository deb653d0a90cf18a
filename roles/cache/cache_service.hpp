// The running cache role: the HTTP server, what it keeps, and the follower of the change log.
#pragma once

#include "change_tail.hpp"
#include "coverage_handler.hpp"
#include "engine.hpp"
#include "event_counts.hpp"
#include "event_handlers.hpp"
#include "event_intake.hpp"
#include "explain.hpp"
#include "page.hpp"
#include "purge.hpp"
#include "statistics.hpp"
#include "stream_handler.hpp"
#include "stream_teller.hpp"

#include "distsys/app/role.hpp"
#include "distsys/app/service.hpp"
#include "distsys/net/http_server.hpp"
#include "distsys/runtime/task_group.hpp"

#include <memory>
#include <string>
#include <vector>

namespace distsys::roles::cache {

struct cache_settings {
  engine_settings kept;
  access_list writers;
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

  app::role_context& context_;
  net::http_server_options http_;
  engine engine_;
  event_handlers handlers_;
  event_counts counts_;
  statistics statistics_;
  explain explain_;
  const access_list writers_;
  event_intake intake_;
  purge_handler purge_;
  stream_handler stream_handler_;
  coverage_handler coverage_;
  change_tail tail_;
  stream_teller teller_;
  runtime::task_group telling_;
  net::http_server server_;
};

}  // namespace distsys::roles::cache
