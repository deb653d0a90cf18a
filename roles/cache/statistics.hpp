// GET /stats: the figures of each layer of the cache, as JSON.
#pragma once

#include "engine.hpp"
#include "event_counts.hpp"

#include "distsys/foundation/json.hpp"
#include "distsys/net/http_message.hpp"
#include "distsys/net/router.hpp"

#include <mutex>

namespace distsys::roles::cache {

/// Any loop.
class statistics {
 public:
  statistics(engine& e, const event_counts& counts) : engine_(e), counts_(counts) {}

  /// GET /stats
  awaitable<net::http_response> read();
  void add_routes(net::router& routes);

 private:
  awaitable<json::value> events_by_kind();

  engine& engine_;
  const event_counts& counts_;
  std::mutex mutex_;
  json::value by_kind_;  // counted at most once a second, however often it is asked for
  runtime::steady_clock::time_point by_kind_until_{};
};

}  // namespace distsys::roles::cache
