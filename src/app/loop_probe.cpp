#include "src/app/loop_probe.hpp"

#include "distsys/runtime/clock.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <string>

namespace distsys::app {

loop_probe::loop_probe(runtime::runtime& loops, runtime::task_group& tasks, std::chrono::milliseconds period)
    : period_(period), count_(loops.size()), answered_(new std::atomic<std::int64_t>[loops.size()]) {
  for (unsigned i = 0; i < count_; ++i) {
    answered_[i] = runtime::steady_now().time_since_epoch().count();
    tasks.spawn(loops.loop(i), probe(i));
  }
}

awaitable<void> loop_probe::probe(unsigned loop) {
  co_await asio::this_coro::throw_if_cancelled(false);
  auto& lag = metrics::get_histogram("distsys_loop_lag_seconds", "How late a loop ran a timer.",
                                     {{"loop", std::to_string(loop)}});
  for (;;) {
    const auto due = runtime::steady_now() + period_;
    if (!co_await runtime::sleep_until(due)) co_return;
    const auto now = runtime::steady_now();
    lag.observe(std::chrono::duration<double>(now - due).count());
    answered_[loop].store(now.time_since_epoch().count(), std::memory_order_relaxed);
  }
}

std::chrono::milliseconds loop_probe::silence() const noexcept {
  std::int64_t oldest = answered_[0].load(std::memory_order_relaxed);
  for (unsigned i = 1; i < count_; ++i) oldest = std::min(oldest, answered_[i].load(std::memory_order_relaxed));
  const auto silent = std::chrono::nanoseconds(runtime::steady_now().time_since_epoch().count() - oldest);
  return std::chrono::duration_cast<std::chrono::milliseconds>(silent);
}

}  // namespace distsys::app
