// Follows the change log of the events: drops what a change touches.
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

  engine& engine_;
  std::shared_ptr<ports::change_listener> listener_;
  std::int64_t last_ = 0;  // applied
};

}  // namespace distsys::roles::cache
