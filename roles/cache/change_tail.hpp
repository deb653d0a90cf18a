// Follows the change log of the events: drops the answers that a change touches, then tells the streams.
#pragma once

#include "answer_cache.hpp"
#include "stream_hub.hpp"

#include "distsys/domain/geo/event_repository.hpp"

namespace distsys::roles::cache {

/// One a process. Runs on one loop.
class change_tail {
 public:
  change_tail(domain::geo::event_repository& events, answer_cache& answers, stream_hub& streams)
      : events_(events), answers_(answers), streams_(streams) {}

  /// Learns where the log ends: what comes later is followed.
  awaitable<result<void>> begin();
  /// Until cancelled. Failures of the database are logged once each time they begin, and outlived.
  awaitable<void> run();

 private:
  awaitable<result<void>> catch_up();

  domain::geo::event_repository& events_;
  answer_cache& answers_;
  stream_hub& streams_;
  std::int64_t last_ = 0;
};

}  // namespace distsys::roles::cache
