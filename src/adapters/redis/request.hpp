// A call on its way: the commands, the coroutine that waits, the replies.
#pragma once

#include "command.hpp"
#include "expected.hpp"
#include "reply.hpp"

#include "distsys/foundation/error.hpp"
#include "distsys/runtime/awaitable.hpp"
#include "distsys/runtime/clock.hpp"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/post.hpp>

#include <memory>
#include <optional>
#include <utility>
#include <vector>

namespace distsys::adapters::redis {

class send_queue;

/// What may happen when the connection breaks after the commands were sent.
enum class effect : std::uint8_t {
  repeatable,  // a second time changes nothing: errc::unavailable
  once         // nobody knows whether it happened: errc::indeterminate
};

/// Used on its loop only. Whoever waits may leave early (deadline, cancellation): the request stays until its replies
/// have come, and swallows them.
class request : public std::enable_shared_from_this<request> {
 public:
  request(command c, expected replies, runtime::deadline until, effect e, std::size_t max_reply)
      : commands(std::move(c)), until(until), kind(e), max_reply(max_reply), expected_(replies) {}

  command commands;  // until they are written
  const runtime::deadline until;
  const effect kind;
  const std::size_t max_reply;  // bytes
  runtime::deadline sent{};     // when it was given to the stream

  /// Could this be the next reply?
  bool fits(const reply& r) const noexcept { return expected_.fits(r, replies_.size()); }
  bool waited_for() const noexcept { return waiter_ != nullptr; }

  /// True when this was the last reply.
  bool deliver(reply&& r) {
    replies_.push_back(std::move(r));
    if (replies_.size() < commands.count()) return false;
    resume();
    return true;
  }
  /// No effect when nobody waits.
  void fail(error why);
  /// After the wait: one reply a command.
  result<std::vector<reply>> take() {
    if (failure_) return *std::move(failure_);
    return std::move(replies_);
  }

  /// Called in the initiation of an asynchronous operation; `handler` is resumed by a post. A cancelled wait ends at
  /// once.
  template <class Handler>
  void wait(Handler handler) {
    auto slot = asio::get_associated_cancellation_slot(handler);
    if (slot.is_connected()) {
      slot.assign([weak = weak_from_this()](asio::cancellation_type) {
        if (const auto self = weak.lock()) self->fail(errc::cancelled);
      });
    }
    waiter_ = std::make_unique<waiter_of<Handler>>(std::move(handler));
  }

 private:
  friend class send_queue;
  struct waiter {
    virtual ~waiter() = default;
    virtual void resume() = 0;
  };
  template <class Handler>
  struct waiter_of final : waiter {
    explicit waiter_of(Handler h) : handler(std::move(h)) {}
    // By a post: the slot must not be cleared while it is being emitted to, and a caller must not run inside the
    // reader.
    void resume() override {
      const auto where = asio::get_associated_executor(handler);
      asio::post(where, [h = std::move(handler)]() mutable {
        if (auto slot = asio::get_associated_cancellation_slot(h); slot.is_connected()) slot.clear();
        std::move(h)();
      });
    }
    Handler handler;
  };

  void resume() {
    if (const auto w = std::exchange(waiter_, nullptr)) w->resume();
  }

  const expected expected_;
  send_queue* queue_ = nullptr;  // where it waits to be written
  std::unique_ptr<waiter> waiter_;
  std::optional<error> failure_;
  std::vector<reply> replies_;
};

}  // namespace distsys::adapters::redis
