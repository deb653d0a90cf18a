#include "distsys/runtime/blocking_lane.hpp"

#include <pthread.h>

namespace distsys::runtime {

blocking_lane::blocking_lane(std::string thread_name, std::size_t queue_limit)
    : limit_(queue_limit), thread_([this, thread_name = thread_name.substr(0, 15)] {
        pthread_setname_np(pthread_self(), thread_name.c_str());
        work();
      }) {}

blocking_lane::~blocking_lane() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  ready_.notify_one();
  thread_.join();
}

bool blocking_lane::post(std::function<void()> job) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_ || jobs_.size() >= limit_) return false;
    jobs_.push_back(std::move(job));
  }
  ready_.notify_one();
  return true;
}

std::size_t blocking_lane::queued() const {
  const std::lock_guard lock(mutex_);
  return jobs_.size();
}

void blocking_lane::work() {
  for (;;) {
    std::function<void()> job;
    {
      std::unique_lock lock(mutex_);
      ready_.wait(lock, [this] { return stopping_ || !jobs_.empty(); });
      if (jobs_.empty()) return;
      job = std::move(jobs_.front());
      jobs_.pop_front();
    }
    job();
  }
}

}  // namespace distsys::runtime
