// Who waits for changes of one database file, and the thread that notices those of other processes.
#pragma once

#include "connection.hpp"
#include "distsys/ports/database.hpp"
#include "distsys/ports/wake_signal.hpp"
#include "options.hpp"

#include <condition_variable>
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
  /// This process has committed.
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
  std::vector<std::weak_ptr<ports::wake_signal>> listeners_;
  std::unique_ptr<connection> watcher_;  // of the hub's thread
  std::int64_t seen_version_ = 0;
  std::thread thread_;
};

}  // namespace distsys::adapters::sqlite
