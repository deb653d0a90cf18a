// POST /events: people's own devices as a source.
#pragma once

#include "access.hpp"
#include "freshness.hpp"
#include "upload.hpp"

#include "distsys/domain/geo/event_repository.hpp"
#include "distsys/foundation/metrics.hpp"
#include "distsys/net/http_message.hpp"
#include "distsys/net/router.hpp"
#include "distsys/runtime/blocking_lane.hpp"

#include <array>
#include <memory>

namespace distsys::roles::cache {

/// Any loop.
class event_intake {
 public:
  /// All must outlive this.
  event_intake(domain::geo::event_repository& events, freshness& fresh, const access_list& who);

  /// For those whose token has events:write (access_list::admission). Answers when everything is durable: 200 with a
  /// verdict a row. After another status some rows may be stored; posting them again completes it.
  awaitable<net::http_response> post(net::http_request& request);

  /// POST /events, for those who are admitted.
  void add_routes(net::router& routes);

 private:
  awaitable<result<void>> store(const ports::call_context& context, const std::string& source, upload& u);

  domain::geo::event_repository& events_;
  freshness& fresh_;
  const access_list& who_;
  runtime::blocking_lane lane_;  // reads what is long
  std::array<metrics::counter*, 6> verdicts_{};
};

}  // namespace distsys::roles::cache
