// Follows the change log of the events: drops what a change touches.
#pragma once

#include "engine.hpp"
#include "peer_bell.hpp"

#include "distsys/domain/geo/event_repository.hpp"
#include "distsys/ports/wake_signal.hpp"
#include "distsys/runtime/task_group.hpp"

#include <cstdint>
#include <memory>
#include <optional>

namespace distsys::roles::cache {

/// One a process. Runs on one loop. Woken by the database's listener, by other caches, and by time.
class change_tail {
 public:
  explicit change_tail(engine& e) : engine_(e) {}

  /// Learns where the log ends: what comes later is followed.
  awaitable<result<void>> begin();
  /// Until cancelled. Failures of the database are logged once each time they begin, and outlived.
  awaitable<void> run();

 private:
  awaitable<void> follow();
  awaitable<void> hear_database();
  awaitable<result<void>> catch_up();
  awaitable<result<void>> look_back(time_point now);

  engine& engine_;
  std::shared_ptr<ports::change_listener> listener_;
  std::optional<peer_bell> bell_;  // where there is a second layer
  ports::wake_signal woken_;
  std::int64_t last_ = 0;  // applied
  time_point looked_back_{};
};

}  // namespace distsys::roles::cache
