// The threads that read a database file, each with its own read-only connection.
#pragma once

#include "connection.hpp"
#include "lane_call.hpp"
#include "options.hpp"

#include <thread>
#include <vector>

namespace distsys::adapters::sqlite {

/// A call goes to whichever thread is free.
class reader_pool {
 public:
  explicit reader_pool(const options& settings);
  ~reader_pool();
  reader_pool(const reader_pool&) = delete;
  reader_pool& operator=(const reader_pool&) = delete;

  call_queue& queue() noexcept { return queue_; }
  /// Runs what is queued, then ends the threads. Blocks.
  void stop();

 private:
  void work();

  const options& settings_;
  call_queue queue_;
  std::vector<std::thread> threads_;
};

}  // namespace distsys::adapters::sqlite
