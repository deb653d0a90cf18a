// The HTTP answers about events: areas through the cache, single events with their history.
#pragma once

#include "answer_cache.hpp"
#include "event_request.hpp"

#include "distsys/caching/single_flight.hpp"
#include "distsys/domain/geo/event_repository.hpp"
#include "distsys/foundation/metrics.hpp"
#include "distsys/net/http_message.hpp"
#include "distsys/runtime/blocking_lane.hpp"
#include "distsys/runtime/task_group.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace distsys::roles::cache {

/// How requests for areas were answered, since the start.
struct request_counts {
  std::uint64_t hits = 0, misses = 0, coalesced = 0, refused = 0, failures = 0;
};

/// Any loop. Loads are tasks of `loads`; what is long is compressed on `packer`.
class event_handlers {
 public:
  event_handlers(domain::geo::event_repository& events, answer_cache& answers, runtime::task_group& loads,
                 runtime::blocking_lane& packer);

  /// GET /events
  awaitable<net::http_response> area(net::http_request& request);
  /// GET /events/{source}/{id*}
  awaitable<net::http_response> one(net::http_request& request);

  request_counts counts() const noexcept;

 private:
  struct loaded {
    shared_answer what;
    bool stored = false;
    bool read = true;  // from the database: else another load had just kept it
  };

  awaitable<net::http_response> miss(net::http_request& request, event_request wanted);
  awaitable<result<loaded>> load(event_request wanted);
  awaitable<void> pack(shared_answer a);

  domain::geo::event_repository& events_;
  answer_cache& answers_;
  runtime::blocking_lane& packer_;
  caching::single_flight<loaded> flights_;
  metrics::counter &hits_, &misses_, &coalesced_, &refused_, &failures_, &packed_;
};

}  // namespace distsys::roles::cache
