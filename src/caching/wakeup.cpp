#include "distsys/caching/wakeup.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

#include <utility>

namespace distsys::caching {

void wakeup::wake() {
  asio::post(timer_.get_executor(), [self = shared_from_this()] {
    self->woken_ = true;
    self->timer_.cancel();
  });
}

awaitable<bool> wakeup::wait(runtime::deadline limit) {
  co_await asio::this_coro::throw_if_cancelled(false);
  const auto self = shared_from_this();
  if (!woken_) {
    timer_.expires_at(limit);
    co_await timer_.async_wait(use_tuple);
  }
  co_return std::exchange(woken_, false);
}

}  // namespace distsys::caching
