#include "freshness.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <limits>
#include <utility>

namespace distsys::roles::cache {

bool freshness::reached(std::uint64_t number, std::int64_t sequence) const noexcept {
  return settled() >= number && applied() >= sequence;
}

void freshness::vouch() noexcept {
  const std::uint64_t now = announced();
  std::uint64_t before = vouched_.load(std::memory_order_relaxed);
  while (before < now && !vouched_.compare_exchange_weak(before, now, std::memory_order_acq_rel)) {
  }
}

awaitable<bool> freshness::catch_up(runtime::deadline limit) {
  return wait(announced(), std::numeric_limits<std::int64_t>::min(), limit);
}

awaitable<bool> freshness::catch_up_to(std::int64_t sequence, runtime::deadline limit) {
  return wait(0, sequence, limit);
}

awaitable<bool> freshness::wait(std::uint64_t number, std::int64_t sequence, runtime::deadline limit) {
  if (reached(number, sequence)) co_return true;
  co_await asio::this_coro::throw_if_cancelled(false);
  const executor here = co_await asio::this_coro::executor;
  const auto wake = std::make_shared<caching::wakeup>(here);
  {
    const std::scoped_lock lock(mutex_);
    if (reached(number, sequence)) co_return true;
    waiters_.push_back({wake, number, sequence});
  }
  if (co_await wake->wait(limit)) co_return true;
  const std::scoped_lock lock(mutex_);
  std::erase_if(waiters_, [&wake](const waiter& w) { return w.wake == wake; });
  co_return reached(number, sequence);
}

void freshness::settle(const announcements& heard, std::int64_t sequence, time_point now) {
  std::vector<waiter> woken;
  {
    const std::scoped_lock lock(mutex_);
    applied_.store(sequence, std::memory_order_release);
    settled_own_.store(heard.own, std::memory_order_release);
    settled_.store(heard.all, std::memory_order_release);
    confirmed_.store(now.time_since_epoch().count(), std::memory_order_relaxed);
    const auto first = std::partition(waiters_.begin(), waiters_.end(),
                                      [this](const waiter& w) { return !reached(w.number, w.sequence); });
    woken.assign(std::make_move_iterator(first), std::make_move_iterator(waiters_.end()));
    waiters_.erase(first, waiters_.end());
  }
  for (const waiter& w : woken) w.wake->wake();
}

}  // namespace distsys::roles::cache
