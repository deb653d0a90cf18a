#include "distsys/runtime/clock.hpp"

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include <limits>

namespace distsys::runtime {
namespace {

using timer = asio::basic_waitable_timer<steady_clock, asio::wait_traits<steady_clock>, executor>;

constexpr auto not_manual = std::numeric_limits<std::int64_t>::min();
std::atomic<std::int64_t> manual_now{not_manual};  // milliseconds since the epoch

}  // namespace

timestamp now() noexcept {
  const auto manual = manual_now.load(std::memory_order_relaxed);
  if (manual != not_manual) return timestamp(std::chrono::milliseconds(manual));
  return std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
}

steady_clock::time_point steady_now() noexcept { return steady_clock::now(); }

manual_clock::manual_clock(timestamp start) { set(start); }
manual_clock::~manual_clock() { manual_now = not_manual; }
void manual_clock::set(timestamp t) noexcept { manual_now = t.time_since_epoch().count(); }
void manual_clock::advance(std::chrono::milliseconds d) noexcept { manual_now += d.count(); }

awaitable<bool> sleep_until(deadline t) {
  if ((co_await asio::this_coro::cancellation_state).cancelled() != asio::cancellation_type::none) co_return false;
  co_await asio::this_coro::throw_if_cancelled(false);
  timer wake(co_await asio::this_coro::executor, t);
  const auto [ec] = co_await wake.async_wait(use_tuple);
  co_return !ec;
}

awaitable<bool> sleep_for(steady_clock::duration d) { co_return co_await sleep_until(steady_now() + d); }

}  // namespace distsys::runtime
