#include "distsys/ports/wake_signal.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

#include <utility>

namespace distsys::ports {

void wake_signal::raise() {
  const std::lock_guard lock(mutex_);
  raised_ = true;
  if (!waiting_) return;
  // The waiter's loop runs this after the wait has begun: both happen on that one thread.
  const auto where = waiting_->get_executor();
  asio::post(where, [sleeper = std::move(waiting_)] { sleeper->cancel(); });
}

bool wake_signal::take() {
  const std::lock_guard lock(mutex_);
  waiting_.reset();
  return std::exchange(raised_, false);
}

awaitable<result<void>> wake_signal::wait(runtime::deadline limit) {
  co_await asio::this_coro::throw_if_cancelled(false);
  if ((co_await asio::this_coro::cancellation_state).cancelled() != asio::cancellation_type::none)
    co_return error{errc::cancelled};
  auto sleeper = std::make_shared<timer>(co_await asio::this_coro::executor, limit);
  {
    const std::lock_guard lock(mutex_);
    if (std::exchange(raised_, false)) co_return result<void>{};
    waiting_ = sleeper;
  }
  co_await sleeper->async_wait(use_tuple);
  if (take()) co_return result<void>{};
  if ((co_await asio::this_coro::cancellation_state).cancelled() != asio::cancellation_type::none)
    co_return error{errc::cancelled};
  co_return error{errc::timeout, "nothing happened before the deadline"};
}

}  // namespace distsys::ports
