// Runs coroutines of a test on a runtime's loop, and waits for what they return.
#pragma once

#include "distsys/runtime/runtime.hpp"
#include "distsys/runtime/task_group.hpp"

#include <exception>
#include <future>
#include <optional>
#include <thread>
#include <utility>

namespace distsys::tests {

/// A runtime with its loops running, for the life of a test.
class running_loops {
 public:
  explicit running_loops(unsigned n = 1) : loops_(n), thread_([this] { loops_.run(); }) {}
  ~running_loops() {
    loops_.stop();
    thread_.join();
  }
  running_loops(const running_loops&) = delete;
  running_loops& operator=(const running_loops&) = delete;

  runtime::runtime& get() noexcept { return loops_; }

  template <class T>
  T run(awaitable<T> work) {
    std::promise<std::optional<T>> done;
    auto answer = done.get_future();
    runtime::task_group group([&done](std::exception_ptr e) { done.set_exception(std::move(e)); });
    group.spawn(loops_.loop(0), finish(std::move(work), done));
    auto value = answer.get();
    while (group.size() > 0) std::this_thread::yield();
    return std::move(*value);
  }

 private:
  template <class T>
  static awaitable<void> finish(awaitable<T> work, std::promise<std::optional<T>>& done) {
    auto value = co_await std::move(work);
    done.set_value(std::move(value));
  }

  runtime::runtime loops_;
  std::thread thread_;
};

}  // namespace distsys::tests
