// Who waits for changes of one database, by channel.
#pragma once

#include "distsys/ports/database.hpp"
#include "distsys/ports/wake_signal.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace distsys::adapters::postgres {

/// Any thread.
class change_hub {
 public:
  /// Something was committed: before whoever committed it knows.
  void announce() noexcept { announced_->fetch_add(1, std::memory_order_release); }
  void wake(std::string_view channel);
  /// After a reconnection nobody knows what was missed.
  void wake_all();
  std::unique_ptr<ports::change_listener> listen(std::string channel);

 private:
  struct entry {
    std::string channel;
    std::weak_ptr<ports::wake_signal> signal;
  };
  std::mutex mutex_;
  std::vector<entry> listeners_;
  const std::shared_ptr<std::atomic<std::uint64_t>> announced_ = std::make_shared<std::atomic<std::uint64_t>>(0);
};

}  // namespace distsys::adapters::postgres
