// A call on its way to a thread that may block: queued, withdrawn when cancelled or late, answered exactly once.
#pragma once

#include "distsys/foundation/error.hpp"
#include "distsys/ports/call_context.hpp"
#include "distsys/runtime/awaitable.hpp"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <new>
#include <optional>
#include <utility>

namespace distsys::adapters::sqlite {

class connection;

class lane_call {
 public:
  explicit lane_call(runtime::deadline until) : until_(until) {}
  virtual ~lane_call() = default;
  lane_call(const lane_call&) = delete;
  lane_call& operator=(const lane_call&) = delete;

  /// On the thread; answers the call.
  virtual void run(connection& c) = 0;
  /// Answers the call: whoever took it out of the queue may.
  virtual void fail(error reason) = 0;

  runtime::deadline until() const noexcept { return until_; }
  const std::atomic<bool>* stop() const noexcept { return &stop_; }

 protected:
  void resume() {
    auto handler = std::exchange(resume_, nullptr);
    handler();
  }

 private:
  template <class Call>
  friend awaitable<result<typename Call::value_type>> submit(class call_queue& queue, std::shared_ptr<Call> call);

  runtime::deadline until_;
  std::atomic<bool> stop_{false};
  std::function<void()> resume_;
};

template <class T>
class answered_call : public lane_call {
 public:
  using value_type = T;
  using lane_call::lane_call;

  void answer(result<T> value) {
    value_ = std::move(value);
    resume();
  }
  void fail(error reason) override { answer(std::move(reason)); }
  result<T> take() { return std::move(value_); }

 private:
  result<T> value_{error{errc::internal, "a call was not answered"}};
};

/// A call that is a function of the connection.
template <class T>
class function_call final : public answered_call<T> {
 public:
  using function = std::function<result<T>(connection&)>;
  function_call(runtime::deadline until, function f) : answered_call<T>(until), function_(std::move(f)) {}
  void run(connection& c) override {
    result<T> outcome{error{errc::internal}};
    try {
      outcome = function_(c);
    } catch (const std::bad_alloc&) {
      outcome = error{errc::no_space, "out of memory for a result"};  // one call fails, not the process
    }
    this->answer(std::move(outcome));
  }

 private:
  function function_;
};

/// Bounded; first in, first out. Any thread.
class call_queue {
 public:
  explicit call_queue(std::size_t limit) : limit_(limit) {}

  /// Fails the call when the queue is full or closed.
  void push(std::shared_ptr<lane_call> call);

  enum class wait_outcome { ready, timeout, finished };  // finished: closed and empty
  wait_outcome wait(runtime::deadline until);
  /// The first call; null when there is none.
  std::shared_ptr<lane_call> try_pop();
  /// try_pop, only when the first call is a T.
  template <class T>
  std::shared_ptr<T> try_pop_as() {
    const std::lock_guard lock(mutex_);
    if (calls_.empty()) return nullptr;
    auto wanted = std::dynamic_pointer_cast<T>(calls_.front());
    if (wanted) calls_.pop_front();
    return wanted;
  }
  /// Waits; null when closed and empty.
  std::shared_ptr<lane_call> pop();

  bool withdraw(const lane_call* call);
  /// Fails the calls whose deadline has passed.
  void sweep();
  void fail_all(const error& reason);
  /// Later calls fail with `reason`; those queued are still popped.
  void close(error reason);
  bool empty() const;

 private:
  const std::size_t limit_;
  mutable std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<std::shared_ptr<lane_call>> calls_;
  std::optional<error> closed_;
};

/// Queues the call and waits for its answer. Cancelled: a call that still waits is withdrawn, one that runs is asked to
/// stop; the answer then says what became of it.
template <class Call>
awaitable<result<typename Call::value_type>> submit(call_queue& queue, std::shared_ptr<Call> call) {
  co_await asio::async_initiate<const asio::use_awaitable_t<executor>, void()>(
      [&queue](auto handler, std::shared_ptr<Call> c) {
        auto where = asio::get_associated_executor(handler);
        auto slot = asio::get_associated_cancellation_slot(handler);
        auto waiting = std::make_shared<decltype(handler)>(std::move(handler));
        auto work = std::make_shared<asio::executor_work_guard<decltype(where)>>(where);
        if (slot.is_connected()) {
          slot.assign([&queue, weak = std::weak_ptr<Call>(c)](asio::cancellation_type) {
            const auto live = weak.lock();
            if (!live) return;
            live->stop_.store(true, std::memory_order_relaxed);
            if (queue.withdraw(live.get())) live->fail({errc::cancelled, ""});
          });
        }
        c->resume_ = [waiting, work, where, slot]() mutable {
          asio::post(where, [waiting, work, slot]() mutable {
            if (slot.is_connected()) slot.clear();
            std::move (*waiting)();
          });
        };
        queue.push(std::move(c));
      },
      use_awaitable, call);
  co_return call->take();
}

}  // namespace distsys::adapters::sqlite
