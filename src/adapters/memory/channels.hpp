// Publish and subscribe within the process, with a bounded queue for each listener.
#pragma once

#include "distsys/ports/kv_store.hpp"
#include "distsys/ports/wake_signal.hpp"

#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

namespace distsys::adapters::memory {

/// Any thread.
class channels {
 public:
  void publish(const std::string& channel, std::string message);
  std::unique_ptr<ports::message_listener> subscribe(std::string channel);

 private:
  class listener;
  /// One listener's queue: when it is full the oldest message goes, and the listener is told that it missed some.
  struct mailbox {
    void put(const std::shared_ptr<const std::string>& message);

    std::mutex mutex;
    std::deque<std::shared_ptr<const std::string>> messages;
    std::size_t bytes = 0;
    bool missed = false;
    ports::wake_signal signal;
  };

  std::mutex mutex_;
  std::unordered_map<std::string, std::vector<std::weak_ptr<mailbox>>> mailboxes_;
};

}  // namespace distsys::adapters::memory
