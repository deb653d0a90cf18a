// A coroutine that a test starts on a loop, watches and cancels from its own thread.
#pragma once

#include "distsys/foundation/error.hpp"
#include "distsys/runtime/runtime.hpp"
#include "distsys/runtime/task_group.hpp"

#include <chrono>
#include <future>
#include <memory>
#include <stdexcept>
#include <utility>

namespace distsys::tests {

/// Destroyed: cancelled and waited for. The loops run on other threads.
template <class T>
class started {
 public:
  started(executor where, awaitable<T> work) : done_(answer_.get_future()) {
    group_ =
        std::make_unique<runtime::task_group>([this](std::exception_ptr e) { answer_.set_exception(std::move(e)); });
    group_->spawn(where, deliver(std::move(work), answer_));
  }
  ~started() {
    cancel();
    while (group_->size() > 0) std::this_thread::yield();
  }
  started(const started&) = delete;
  started& operator=(const started&) = delete;

  void cancel() { group_->cancel(); }
  bool ready() const { return done_.wait_for(std::chrono::seconds(0)) == std::future_status::ready; }
  /// Throws when there is no answer within 30 s: a hang should fail a test, not stop the run.
  T get() {
    if (done_.wait_for(std::chrono::seconds(30)) != std::future_status::ready)
      throw std::runtime_error("no answer within 30 s");
    return done_.get();
  }

 private:
  static awaitable<void> deliver(awaitable<T> work, std::promise<T>& answer) {
    auto value = co_await std::move(work);
    answer.set_value(std::move(value));
  }

  std::promise<T> answer_;
  std::future<T> done_;
  std::unique_ptr<runtime::task_group> group_;
};

}  // namespace distsys::tests
