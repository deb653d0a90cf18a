#include "stream_teller.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <utility>

namespace distsys::roles::cache {
namespace {

using namespace std::chrono_literals;
using ports::call_context;

constexpr auto longest_wait = 1s;
constexpr auto read_limit = 10s;
constexpr auto pause_after_failure = 250ms;
constexpr std::size_t page = 1000;

}  // namespace

awaitable<void> stream_teller::run() {
  co_await asio::this_coro::throw_if_cancelled(false);
  for (;;) {
    const bool more = co_await fresh_.catch_up_to(hub_.told() + 1, runtime::steady_now() + longest_wait);
    const bool told = !more || co_await tell();  // the follower says that the log cannot be read
    if ((co_await asio::this_coro::cancellation_state).cancelled() != asio::cancellation_type::none) co_return;
    if (!told) co_await runtime::sleep_for(pause_after_failure);
  }
}

awaitable<result<void>> stream_teller::tell() {
  for (;;) {
    const std::int64_t applied = fresh_.applied();  // nothing is told that could still be served as it was
    if (hub_.told() >= applied || hub_.skip_to(applied)) co_return result<void>{};
    const call_context context = call_context::within(read_limit);
    auto changes = co_await events_.changes_after(context, hub_.told(), page);
    if (!changes) co_return changes.error();
    const bool whole = changes->size() < page;
    const std::int64_t through = whole ? applied : std::min(applied, changes->back().sequence);
    hub_.publish(std::move(*changes), through);
  }
}

}  // namespace distsys::roles::cache
