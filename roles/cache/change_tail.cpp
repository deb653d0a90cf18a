#include "change_tail.hpp"

#include "distsys/foundation/log.hpp"

#include <boost/asio/this_coro.hpp>

#include <string>
#include <utility>
#include <vector>

namespace distsys::roles::cache {
namespace {

using namespace std::chrono_literals;
using ports::call_context;

constexpr auto longest_silence = 1s;  // a wake-up may be missed: the log is read this often without one
constexpr auto read_limit = 10s;
constexpr auto pause_after_failure = 250ms;
constexpr std::size_t page = 1000;

}  // namespace

awaitable<result<void>> change_tail::begin() {
  // First the listener: what is committed from here on is announced, whether the reading below sees it or not.
  listener_ = engine_.events.database().listen(std::string(domain::geo::event_repository::channel));
  engine_.fresh.follow(listener_);
  const std::uint64_t number = engine_.fresh.announced();
  const call_context context = call_context::within(read_limit);
  const auto last = co_await engine_.events.last_sequence(context);
  if (!last) co_return last.error();
  if (engine_.shared)
    if (const auto ok = co_await engine_.shared->begin(engine_.events, *last); !ok) co_return ok.error();
  last_ = *last;
  engine_.streams.skip_to(last_);
  engine_.fresh.settle(number, last_, runtime::steady_now());
  co_return result<void>{};
}

awaitable<void> change_tail::run() {
  co_await asio::this_coro::throw_if_cancelled(false);
  bool failing = false;
  for (;;) {
    const call_context until = call_context::within(longest_silence);
    const auto woken = co_await listener_->wait(until);
    if ((co_await asio::this_coro::cancellation_state).cancelled() != asio::cancellation_type::none) co_return;
    const auto read = co_await catch_up();
    if (!read && read.error() != errc::cancelled) {
      if (!failing) log::warn("the change log cannot be read", {{"role", "cache"}, {"error", read.error().what()}});
      co_await runtime::sleep_for(pause_after_failure);
    } else if (!woken && woken.error() != errc::timeout) {
      co_await runtime::sleep_for(pause_after_failure);
    }
    failing = !read;
  }
}

awaitable<result<void>> change_tail::catch_up() {
  for (;;) {
    // What had been announced by here is in the log that is read next.
    const std::uint64_t number = engine_.fresh.announced();
    const auto begun = runtime::steady_now();
    const call_context context = call_context::within(read_limit);
    const auto touched = co_await engine_.events.touches_after(context, last_, page);
    if (!touched) co_return touched.error();
    if (engine_.shared) engine_.shared->note(*touched);
    for (const auto& t : *touched) {
      engine_.slots.touch(t.at);
      engine_.cells.drop(t.at);
      if (!t.previous) continue;
      engine_.slots.touch(*t.previous);
      engine_.cells.drop(*t.previous);
    }
    if (!touched->empty()) last_ = touched->back().sequence;
    const bool more = touched->size() == page;
    // A stream that is opened once an answer shows a change begins after it.
    engine_.streams.skip_to(last_);
    if (more) continue;
    engine_.fresh.settle(number, last_, begun);
    co_return result<void>{};
  }
}

}  // namespace distsys::roles::cache
