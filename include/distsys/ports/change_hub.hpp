// Who waits for changes of one database, by channel: what the listeners of drivers have in common.
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

namespace distsys::ports {

/// Any thread. Listeners may outlive it: nothing wakes them then.
class change_hub {
 public:
  /// This process committed, or may have: before whoever asked for it knows.
  void announce_own() noexcept { announced_->own.fetch_add(1, std::memory_order_release), announce(); }
  /// Another process committed, or may have.
  void announce() noexcept { announced_->all.fetch_add(1, std::memory_order_release); }
  void wake(std::string_view channel);
  /// Where nobody knows which channel it was, or what was missed over a reconnection.
  void wake_all();
  std::unique_ptr<change_listener> listen(std::string channel);
  bool has_listeners();

 private:
  friend class hub_listener;
  struct announcements {
    std::atomic<std::uint64_t> all{0}, own{0};
  };
  struct entry {
    std::string channel;
    std::weak_ptr<wake_signal> signal;
  };
  std::mutex mutex_;
  std::vector<entry> listeners_;
  const std::shared_ptr<announcements> announced_ = std::make_shared<announcements>();
};

}  // namespace distsys::ports
