// How late each loop of the runtime is, measured once a second: a metric, and the life sign behind /livez and the
// watchdog.
#pragma once

#include "distsys/foundation/metrics.hpp"
#include "distsys/runtime/runtime.hpp"
#include "distsys/runtime/task_group.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>

namespace distsys::app {

class loop_probe {
 public:
  /// Runs in `tasks` until they are cancelled; must outlive them.
  loop_probe(runtime::runtime& loops, runtime::task_group& tasks, std::chrono::milliseconds period);

  /// The longest time since a loop last answered. Any thread.
  std::chrono::milliseconds silence() const noexcept;

 private:
  awaitable<void> probe(unsigned loop);

  std::chrono::milliseconds period_;
  unsigned count_;
  std::unique_ptr<std::atomic<std::int64_t>[]> answered_;  // steady time, nanoseconds
};

}  // namespace distsys::app
