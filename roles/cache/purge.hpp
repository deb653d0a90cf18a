// POST /purge: forget what is kept of an area, of a cell, of a source, or everything.
#pragma once

#include "access.hpp"
#include "engine.hpp"
#include "event_counts.hpp"

#include "distsys/domain/geo/quad.hpp"
#include "distsys/net/router.hpp"
#include "distsys/runtime/blocking_lane.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <variant>

namespace distsys::roles::cache {

struct everything {};
using purge_request = std::variant<everything, domain::geo::area, domain::geo::quad, std::string>;

/// {"all":true}, {"bbox":[w,s,e,n]}, {"cell":"w0312"} or {"source":"usgs"}. errc::invalid says what is wrong.
result<purge_request> read_purge(std::string_view body);

/// Any loop. For those whose token has cache:purge. Nothing is lost by it: what is asked for next is read anew.
class purge_handler {
 public:
  /// Purges wait for each other, up to `max_waiting`; more are errc::overloaded.
  purge_handler(engine& e, event_counts& counts, const access_list& who, std::size_t max_waiting = 16)
      : engine_(e), counts_(counts), who_(who), lane_("cache-purge", max_waiting) {}
  void add_routes(net::router& routes);
  awaitable<net::http_response> purge(net::http_request& request);

 private:
  awaitable<result<engine::dropped>> drop(purge_request what);

  engine& engine_;
  event_counts& counts_;
  const access_list& who_;
  runtime::blocking_lane lane_;  // the last: what runs there uses the others
};

}  // namespace distsys::roles::cache
