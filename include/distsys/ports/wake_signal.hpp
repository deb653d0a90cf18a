// Wakes a coroutine from any thread: what listeners of drivers wait on.
#pragma once

#include "distsys/foundation/error.hpp"
#include "distsys/runtime/awaitable.hpp"
#include "distsys/runtime/clock.hpp"

#include <boost/asio/basic_waitable_timer.hpp>

#include <memory>
#include <mutex>

namespace distsys::ports {

/// Raised by any thread, awaited on any loop by one coroutine at a time. Signals are coalesced, and one that is raised
/// while nobody waits is kept.
class wake_signal {
 public:
  void raise();

  /// Returns after a signal since the last return; errc::timeout at the deadline, errc::cancelled. The signal must
  /// outlive the wait.
  awaitable<result<void>> wait(runtime::deadline limit);

 private:
  using timer =
      asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, executor>;
  bool take();

  std::mutex mutex_;
  bool raised_ = false;
  std::shared_ptr<timer> waiting_;
};

}  // namespace distsys::ports
