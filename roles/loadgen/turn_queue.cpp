#include "turn_queue.hpp"

#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

#include <utility>

namespace distsys::roles::loadgen {

awaitable<bool> turn_queue::wait_until(time_point when) {
  if (closed_) co_return false;
  co_return co_await asio::async_initiate<decltype(use_awaitable), void(bool)>(
      [this, when](auto resume) {
        waiting_.push_back({when, std::move(resume)});
        if (waiting_.size() == 1) alarm_.cancel();  // it was set for nobody
      },
      use_awaitable);
}

void turn_queue::resume_first(bool due) {
  auto resume = std::move(waiting_.front().resume);
  waiting_.pop_front();
  std::move(resume)(due);
}

void turn_queue::release_due(time_point now) {
  if (releasing_) return;  // by one that was just resumed: the loop below goes on anyway
  releasing_ = true;
  while (!waiting_.empty() && waiting_.front().when <= now) resume_first(true);
  releasing_ = false;
}

void turn_queue::close() {
  if (std::exchange(closed_, true)) return;
  alarm_.cancel();
  while (!waiting_.empty()) resume_first(false);
}

// By turns of the loop, so that answers are read meanwhile.
awaitable<void> turn_queue::spin_until_first() {
  auto now = runtime::steady_now();
  while (!waiting_.empty() && now < waiting_.front().when) {
    co_await asio::post(where_, use_awaitable);
    const auto turned = runtime::steady_now();
    if (turned - now < empty_turn_) spun_ += turned - now;
    now = turned;
  }
  release(now);
}

awaitable<void> turn_queue::run() {
  co_await asio::this_coro::throw_if_cancelled(false);
  const auto cancellation = co_await asio::this_coro::cancellation_state;
  while (!closed_ && cancellation.cancelled() == asio::cancellation_type::none) {
    alarm_.expires_at(waiting_.empty() ? runtime::deadline::max() : waiting_.front().when - spin_);
    co_await alarm_.async_wait(use_tuple);
    if (closed_ || cancellation.cancelled() != asio::cancellation_type::none) break;
    if (waiting_.empty() || runtime::steady_now() < waiting_.front().when - spin_) continue;  // others have let it pass
    co_await spin_until_first();
  }
  close();
}

}  // namespace distsys::roles::loadgen
