// GET /events/stream: changes as Server-Sent Events, from where the client left off.
#pragma once

#include "stream_hub.hpp"

#include "distsys/domain/geo/event_repository.hpp"
#include "distsys/foundation/metrics.hpp"
#include "distsys/net/http_message.hpp"

namespace distsys::roles::cache {

/// Any loop.
class stream_handler {
 public:
  stream_handler(domain::geo::event_repository& events, stream_hub& hub);

  /// First `hello` with the sequence that the stream begins after, or, with Last-Event-ID, what happened since; `reset`
  /// where that cannot be told (ask for the area anew). `dropped` says why the server ends a stream. A comment every 15
  /// seconds keeps proxies from ending it. 503 when too many streams are open, 429 when too many of one address are.
  awaitable<net::http_response> open(net::http_request& request);

 private:
  awaitable<void> run(net::body_stream& out, std::shared_ptr<subscription> from, std::optional<std::int64_t> after);
  enum class replayed { told, not_told, given_up };
  awaitable<replayed> replay(net::body_stream& out, const subscription& from, std::int64_t after);

  domain::geo::event_repository& events_;
  stream_hub& hub_;
  metrics::counter &opened_, &refused_, &dropped_;
};

}  // namespace distsys::roles::cache
