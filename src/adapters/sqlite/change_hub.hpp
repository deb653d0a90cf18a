// Who waits for changes of one database file, and the thread that notices those of other processes.
#pragma once

#include "connection.hpp"
#include "distsys/ports/database.hpp"
#include "distsys/ports/wake_signal.hpp"
#include "options.hpp"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace distsys::adapters::sqlite {

/// Any thread.
class change_hub {
 public:
  /// `tick` is called by the hub's thread every 20 ms.
  change_hub(const options& settings, std::function<void()> tick);
  ~change_hub();
  change_hub(const change_hub&) = delete;
  change_hub& operator=(const change_hub&) = delete;

  /// Before any tick; what `tick` refers to exists by then.
  void start();
  /// This process has committed, and nobody knows yet: before the call is answered.
  void announce() noexcept { announced_->fetch_add(1, std::memory_order_release); }
  /// Wakes who waits: after the call is answered.
  void wake();
  std::unique_ptr<ports::change_listener> listen();
  void stop();

 private:
  void work();
  bool has_listeners();
  void poll();

  const options& settings_;
  std::function<void()> tick_;
  std::mutex mutex_;
  std::condition_variable stop_requested_;
  bool stopping_ = false;
  const std::shared_ptr<std::atomic<std::uint64_t>> announced_ = std::make_shared<std::atomic<std::uint64_t>>(0);
  std::vector<std::weak_ptr<ports::wake_signal>> listeners_;
  std::unique_ptr<connection> watcher_;  // of the hub's thread
  std::int64_t seen_version_ = 0;
  std::thread thread_;
};

}  // namespace distsys::adapters::sqlite
