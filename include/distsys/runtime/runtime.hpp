// The threads of the process: one io_context a thread, and nothing else runs coroutines.
#pragma once

#include "distsys/runtime/awaitable.hpp"

#include <atomic>
#include <memory>
#include <thread>
#include <vector>

namespace distsys::runtime {

/// Owns the loops. Not copyable; outlives every object that runs on a loop.
class runtime {
 public:
  /// `loops` of at least 1.
  explicit runtime(unsigned loops);
  ~runtime();
  runtime(const runtime&) = delete;
  runtime& operator=(const runtime&) = delete;

  unsigned size() const noexcept { return static_cast<unsigned>(contexts_.size()); }
  executor loop(unsigned i) noexcept { return contexts_[i]->get_executor(); }
  /// Loops in turn, for work that may run anywhere. Any thread.
  executor next_loop() noexcept;

  /// Runs loop 0 on the calling thread and the others on their own until stop(). An exception that escapes a handler
  /// ends the process (a bug).
  void run();
  /// Any thread; what is queued and not started is dropped when the runtime is destroyed.
  void stop() noexcept;

  /// The index of the loop that the calling thread runs; -1 on other threads.
  static int this_loop() noexcept;

 private:
  std::vector<std::unique_ptr<asio::io_context>> contexts_;
  std::vector<asio::executor_work_guard<executor>> work_;
  std::vector<std::thread> threads_;
  std::atomic<unsigned> next_{0};
};

}  // namespace distsys::runtime
