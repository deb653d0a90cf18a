// Follows the change log of the events: drops what a change touches, then tells the streams.
#pragma once

#include "engine.hpp"

#include "distsys/domain/geo/event_repository.hpp"

#include <cstdint>
#include <memory>

namespace distsys::roles::cache {

/// One a process. Runs on one loop.
class change_tail {
 public:
  explicit change_tail(engine& e) : engine_(e) {}

  /// Learns where the log ends: what comes later is followed.
  awaitable<result<void>> begin();
  /// Until cancelled. Failures of the database are logged once each time they begin, and outlived.
  awaitable<void> run();

 private:
  awaitable<result<void>> catch_up();
  awaitable<result<void>> tell_streams();

  engine& engine_;
  std::shared_ptr<ports::change_listener> listener_;
  std::int64_t last_ = 0;  // applied
  std::int64_t told_ = 0;  // to the streams
};

}  // namespace distsys::roles::cache
