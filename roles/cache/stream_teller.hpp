// Tells the streams of what the follower of the log has applied.
#pragma once

#include "freshness.hpp"
#include "stream_hub.hpp"

#include "distsys/domain/geo/event_repository.hpp"

#include <cstdint>

namespace distsys::roles::cache {

/// One a process. Runs on one loop. Apart from the follower, because it reads the texts of the changes: no answer waits
/// for those.
class stream_teller {
 public:
  stream_teller(domain::geo::event_repository& events, freshness& fresh, stream_hub& hub)
      : events_(events), fresh_(fresh), hub_(hub) {}

  /// Until cancelled. Failures of the database are outlived: what was not told is told later.
  awaitable<void> run();

 private:
  awaitable<result<void>> tell();

  domain::geo::event_repository& events_;
  freshness& fresh_;
  stream_hub& hub_;
};

}  // namespace distsys::roles::cache
