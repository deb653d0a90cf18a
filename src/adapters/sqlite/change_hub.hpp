// Who waits for changes of one database file.
#pragma once

#include "distsys/ports/database.hpp"
#include "distsys/ports/wake_signal.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

namespace distsys::adapters::sqlite {

/// Any thread.
class change_hub {
 public:
  /// Somebody has committed, and nobody knows yet: of this process, before the call is answered.
  void announce() noexcept { announced_->fetch_add(1, std::memory_order_release); }
  /// Wakes who waits: of this process, after the call is answered.
  void wake();
  std::unique_ptr<ports::change_listener> listen();
  bool has_listeners();

 private:
  std::mutex mutex_;
  const std::shared_ptr<std::atomic<std::uint64_t>> announced_ = std::make_shared<std::atomic<std::uint64_t>>(0);
  std::vector<std::weak_ptr<ports::wake_signal>> listeners_;
};

}  // namespace distsys::adapters::sqlite
