// The HTTP answers about events: areas through the cache, single events with their history.
#pragma once

#include "engine.hpp"
#include "event_request.hpp"

#include "distsys/net/http_message.hpp"
#include "distsys/net/router.hpp"

namespace distsys::roles::cache {

/// Any loop.
class event_handlers {
 public:
  explicit event_handlers(engine& e) : engine_(e) {}

  /// GET /events
  awaitable<net::http_response> area(net::http_request& request);
  /// GET /events/{source}/{id*}
  awaitable<net::http_response> one(net::http_request& request);

  /// The handlers outlive the router's use.
  void add_routes(net::router& routes);

 private:
  awaitable<net::http_response> parsed(net::http_request& request);

  engine& engine_;
};

}  // namespace distsys::roles::cache
