// A thread that calls a function from time to time.
#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>

namespace distsys::adapters::sqlite {

class ticker {
 public:
  /// `tick` is called on the thread, `interval` after it last returned.
  ticker(const char* thread_name, std::chrono::milliseconds interval, std::function<void()> tick);
  ~ticker() { stop(); }
  ticker(const ticker&) = delete;
  ticker& operator=(const ticker&) = delete;

  /// Returns when no tick runs or will run.
  void stop();

 private:
  void work(std::chrono::milliseconds interval);

  const std::function<void()> tick_;
  std::mutex mutex_;
  std::condition_variable stop_requested_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace distsys::adapters::sqlite
