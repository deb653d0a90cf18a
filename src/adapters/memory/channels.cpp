#include "channels.hpp"

#include <utility>

namespace distsys::adapters::memory {

void channels::publish(const std::string& channel, std::string message) {
  const auto shared = std::make_shared<const std::string>(std::move(message));
  const std::lock_guard lock(mutex_);
  const auto found = mailboxes_.find(channel);
  if (found == mailboxes_.end()) return;
  std::erase_if(found->second, [&](const std::weak_ptr<ports::mailbox>& weak) {
    const auto box = weak.lock();
    if (box) box->put(shared);
    return !box;
  });
  if (found->second.empty()) mailboxes_.erase(found);
}

std::unique_ptr<ports::message_listener> channels::subscribe(std::string channel) {
  auto box = std::make_shared<ports::mailbox>();
  const std::lock_guard lock(mutex_);
  auto& boxes = mailboxes_[std::move(channel)];
  std::erase_if(boxes, [](const auto& weak) { return weak.expired(); });
  boxes.push_back(box);
  return std::make_unique<ports::mailbox_listener>(std::move(box));
}

}  // namespace distsys::adapters::memory
