#include "channels.hpp"

#include <utility>

namespace distsys::adapters::memory {

namespace {

constexpr std::size_t max_messages = 1024;
constexpr std::size_t max_message_bytes = 64u << 20;  // at least one message of the largest size

}  // namespace

class channels::listener final : public ports::message_listener {
 public:
  explicit listener(std::shared_ptr<mailbox> m) : mailbox_(std::move(m)) {}

  awaitable<result<std::string>> next(const ports::call_context& context) override {
    const auto box = mailbox_;
    for (;;) {
      {
        const std::lock_guard lock(box->mutex);
        if (std::exchange(box->missed, false))
          co_return error{errc::unavailable, "memory: messages were missed: the listener was too slow"};
        if (!box->messages.empty()) {
          const auto first = std::move(box->messages.front());
          box->messages.pop_front();
          box->bytes -= first->size();
          co_return *first;
        }
      }
      if (auto woken = co_await box->signal.wait(context.deadline); !woken) co_return woken.error();
    }
  }

 private:
  std::shared_ptr<mailbox> mailbox_;
};

void channels::mailbox::put(const std::shared_ptr<const std::string>& message) {
  {
    const std::lock_guard lock(mutex);
    messages.push_back(message);
    bytes += message->size();
    while (messages.size() > max_messages || (bytes > max_message_bytes && messages.size() > 1)) {
      bytes -= messages.front()->size();
      messages.pop_front();
      missed = true;
    }
  }
  signal.raise();
}

void channels::publish(const std::string& channel, std::string message) {
  const auto shared = std::make_shared<const std::string>(std::move(message));
  const std::lock_guard lock(mutex_);
  const auto found = mailboxes_.find(channel);
  if (found == mailboxes_.end()) return;
  std::erase_if(found->second, [&](const std::weak_ptr<mailbox>& weak) {
    const auto box = weak.lock();
    if (box) box->put(shared);
    return !box;
  });
  if (found->second.empty()) mailboxes_.erase(found);
}

std::unique_ptr<ports::message_listener> channels::subscribe(std::string channel) {
  auto box = std::make_shared<mailbox>();
  const std::lock_guard lock(mutex_);
  auto& boxes = mailboxes_[std::move(channel)];
  std::erase_if(boxes, [](const auto& weak) { return weak.expired(); });
  boxes.push_back(box);
  return std::make_unique<listener>(std::move(box));
}

}  // namespace distsys::adapters::memory
