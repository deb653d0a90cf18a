#include "load_gate.hpp"

#include <boost/asio/this_coro.hpp>

namespace distsys::roles::cache {

awaitable<result<load_gate::pass>> load_gate::enter(runtime::deadline limit) {
  co_await asio::this_coro::throw_if_cancelled(false);
  const executor here = co_await asio::this_coro::executor;
  const auto mine = std::make_shared<waiter>();
  mine->wake = std::make_shared<caching::wakeup>(here);
  {
    const std::scoped_lock lock(mutex_);
    if (free_ > 0) {
      --free_;
      co_return pass(*this);
    }
    if (waiting_.size() >= most_waiting_) co_return error{errc::overloaded, "too many long questions wait"};
    waiting_.push_back(mine);
  }
  const bool woken = co_await mine->wake->wait(limit);
  {
    const std::scoped_lock lock(mutex_);
    if (!mine->let_in) {
      std::erase(waiting_, mine);
      const bool cancelled = !woken && runtime::steady_now() < limit;
      co_return cancelled ? error{errc::cancelled} : error{errc::overloaded, "long questions take too long"};
    }
  }
  co_return pass(*this);
}

std::size_t load_gate::waiting() const {
  const std::scoped_lock lock(mutex_);
  return waiting_.size();
}

// The place goes to the next one, so that nobody who comes now is before it.
void load_gate::leave() {
  std::shared_ptr<waiter> next;
  {
    const std::scoped_lock lock(mutex_);
    if (waiting_.empty()) {
      ++free_;
      return;
    }
    next = std::move(waiting_.front());
    waiting_.pop_front();
    next->let_in = true;
  }
  next->wake->wake();
}

}  // namespace distsys::roles::cache
