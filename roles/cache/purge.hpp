// POST /purge: forget what is kept of an area, of a cell, of a source, or everything.
#pragma once

#include "access.hpp"
#include "engine.hpp"
#include "event_counts.hpp"

#include "distsys/domain/geo/quad.hpp"
#include "distsys/net/router.hpp"

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
  purge_handler(engine& e, event_counts& counts, const access_list& who) : engine_(e), counts_(counts), who_(who) {}
  void add_routes(net::router& routes);
  awaitable<net::http_response> purge(net::http_request& request);

 private:
  engine& engine_;
  event_counts& counts_;
  const access_list& who_;
};

}  // namespace distsys::roles::cache
