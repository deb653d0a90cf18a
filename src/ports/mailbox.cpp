#include "distsys/ports/mailbox.hpp"

#include <utility>

namespace distsys::ports {

namespace {

constexpr std::size_t max_messages = 1024;
constexpr std::size_t max_message_bytes = kv_store::max_value_bytes;  // at least one message of the largest size

}  // namespace

void mailbox::put(const std::shared_ptr<const std::string>& message) {
  {
    const std::lock_guard lock(mutex_);
    messages_.push_back(message);
    bytes_ += message->size();
    while (messages_.size() > max_messages || (bytes_ > max_message_bytes && messages_.size() > 1)) {
      bytes_ -= messages_.front()->size();
      messages_.pop_front();
      missed_ = "the listener was too slow";
    }
  }
  signal_.raise();
}

void mailbox::missed(std::string why) {
  {
    const std::lock_guard lock(mutex_);
    missed_ = std::move(why);
  }
  signal_.raise();
}

awaitable<result<std::string>> mailbox::take(runtime::deadline limit) {
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      if (!missed_.empty())
        co_return error{errc::unavailable, "messages may have been missed: " + std::exchange(missed_, {})};
      if (!messages_.empty()) {
        const auto first = std::move(messages_.front());
        messages_.pop_front();
        bytes_ -= first->size();
        co_return *first;
      }
    }
    if (auto woken = co_await signal_.wait(limit); !woken) co_return woken.error();
  }
}

}  // namespace distsys::ports
