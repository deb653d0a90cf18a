// What a listener of a channel has not read yet, bounded: the part of publish and subscribe that drivers share.
#pragma once

#include "distsys/ports/kv_store.hpp"
#include "distsys/ports/wake_signal.hpp"

#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

namespace distsys::ports {

/// Any thread. Full (1,024 messages or 64 MiB): the oldest message goes, and the listener is told that it missed some.
class mailbox {
 public:
  void put(const std::shared_ptr<const std::string>& message);
  /// The next take() fails with errc::unavailable and `why`; what is in the box stays for the ones after it.
  void missed(std::string why);

  /// The next message; see message_listener::next. One waiter at a time; the mailbox must outlive the wait.
  awaitable<result<std::string>> take(runtime::deadline limit);

 private:
  std::mutex mutex_;
  std::deque<std::shared_ptr<const std::string>> messages_;
  std::size_t bytes_ = 0;
  std::string missed_;  // why; empty: none
  wake_signal signal_;
};

/// A listener that reads its mailbox. Whoever fills it holds it weakly: it ends with the listener.
class mailbox_listener final : public message_listener {
 public:
  explicit mailbox_listener(std::shared_ptr<mailbox> box) : mailbox_(std::move(box)) {}
  awaitable<result<std::string>> next(const call_context& context) override {
    const auto box = mailbox_;  // the listener may go while a cancelled wait ends
    co_return co_await box->take(context.deadline);
  }

 private:
  std::shared_ptr<mailbox> mailbox_;
};

}  // namespace distsys::ports
