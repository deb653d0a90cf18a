// Coroutines that belong together: spawned, cancelled and waited for as one. Nothing in the program is spawned
// elsewhere.
#pragma once

#include "distsys/runtime/awaitable.hpp"
#include "distsys/runtime/clock.hpp"

#include <cstddef>
#include <exception>
#include <functional>
#include <memory>

namespace distsys::runtime {

/// Any thread may call any member. Must be empty when destroyed (wait() first).
class task_group {
 public:
  /// `on_exception` is told, on the task's loop, of an exception that escaped a task: a bug. The default logs it and
  /// ends the process.
  explicit task_group(std::function<void(std::exception_ptr)> on_exception = {});
  ~task_group();
  task_group(const task_group&) = delete;
  task_group& operator=(const task_group&) = delete;

  /// Starts `task` on `where`. Its arguments must be values (the frame outlives the caller). After cancel() a task is
  /// started and cancelled at once.
  void spawn(executor where, awaitable<void> task);

  /// Asks every task to stop (terminal cancellation, delivered on each task's loop). May be called again.
  void cancel();

  std::size_t size() const noexcept;

  /// Completes when the group is empty.
  awaitable<void> wait();
  /// True when the group became empty before `limit`.
  awaitable<bool> wait_until(deadline limit);

 private:
  struct state;
  std::shared_ptr<state> state_;
};

}  // namespace distsys::runtime
