// Publish and subscribe within the process, with a bounded mailbox for each listener.
#pragma once

#include "distsys/ports/kv_store.hpp"
#include "distsys/ports/mailbox.hpp"

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
  std::mutex mutex_;
  std::unordered_map<std::string, std::vector<std::weak_ptr<ports::mailbox>>> mailboxes_;
};

}  // namespace distsys::adapters::memory
