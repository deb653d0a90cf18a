// GET /explain: which cells a query is answered from, where each is, how old it is and what it cost.
#pragma once

#include "engine.hpp"

#include "distsys/net/http_message.hpp"
#include "distsys/net/router.hpp"

namespace distsys::roles::cache {

/// Any loop. Takes the parameters of /events. Counts nothing and keeps nothing, unless `fill=true` has the query
/// answered first, as /events would.
class explain {
 public:
  explicit explain(engine& e) : engine_(e) {}

  /// GET /explain
  awaitable<net::http_response> read(net::http_request& request);
  void add_routes(net::router& routes);

 private:
  engine& engine_;
};

}  // namespace distsys::roles::cache
