#include "gate.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>

namespace distsys::roles::scraper {

awaitable<gate::pass> gate::enter() {
  if (free_ > 0) {
    --free_;
    co_return pass(this);
  }
  const executor loop = co_await asio::this_coro::executor;
  waiter self{timer(loop, std::chrono::steady_clock::time_point::max())};
  waiting_.push_back(&self);
  co_await self.bell.async_wait(use_tuple);
  if (!self.let_in) std::erase(waiting_, &self);
  // Let in and cancelled at once: in, and the next operation will say cancelled.
  co_return self.let_in ? pass(this) : pass();
}

void gate::leave() {
  if (waiting_.empty()) {
    ++free_;
    return;
  }
  waiter* next = waiting_.front();
  waiting_.pop_front();
  next->let_in = true;
  next->bell.cancel();
}

}  // namespace distsys::roles::scraper
