// Lets few long loads at a time to the database, so that the follower of the log and the short ones come through.
#pragma once

#include "distsys/caching/wakeup.hpp"
#include "distsys/foundation/error.hpp"
#include "distsys/runtime/awaitable.hpp"
#include "distsys/runtime/clock.hpp"

#include <cstddef>
#include <deque>
#include <memory>
#include <mutex>
#include <utility>

namespace distsys::roles::cache {

/// Any thread. First come, first served. Outlives its passes.
class load_gate {
 public:
  /// Whoever holds one is inside.
  class pass {
   public:
    explicit pass(load_gate& of) : gate_(&of) {}
    pass(pass&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)) {}
    pass& operator=(pass&&) = delete;
    ~pass() {
      if (gate_) gate_->leave();
    }

   private:
    load_gate* gate_;
  };

  load_gate(std::size_t at_once, std::size_t most_waiting) : free_(at_once), most_waiting_(most_waiting) {}

  /// errc::overloaded when too many wait, or when it is not its turn by `limit`; errc::cancelled.
  awaitable<result<pass>> enter(runtime::deadline limit);

  std::size_t waiting() const;

 private:
  struct waiter {
    std::shared_ptr<caching::wakeup> wake;
    bool let_in = false;  // of the mutex
  };
  void leave();

  mutable std::mutex mutex_;
  std::size_t free_;
  const std::size_t most_waiting_;
  std::deque<std::shared_ptr<waiter>> waiting_;
};

}  // namespace distsys::roles::cache
