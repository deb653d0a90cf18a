#include "ticker.hpp"

#include <pthread.h>

#include <utility>

namespace distsys::adapters::sqlite {

ticker::ticker(const char* thread_name, std::chrono::milliseconds interval, std::function<void()> tick)
    : tick_(std::move(tick)), thread_([this, thread_name, interval] {
        pthread_setname_np(pthread_self(), thread_name);
        work(interval);
      }) {}

void ticker::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stop_requested_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void ticker::work(std::chrono::milliseconds interval) {
  std::unique_lock lock(mutex_);
  while (!stop_requested_.wait_for(lock, interval, [this] { return stopping_; })) {
    lock.unlock();
    tick_();
    lock.lock();
  }
}

}  // namespace distsys::adapters::sqlite
