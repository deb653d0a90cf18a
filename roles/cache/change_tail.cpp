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
constexpr auto look_back_interval = 1s;
constexpr auto pause_after_failure = 250ms;
constexpr std::size_t page = 1000;

}  // namespace

awaitable<result<void>> change_tail::begin() {
  // First the listener: what is committed from here on is announced, whether the reading below sees it or not.
  listener_ = engine_.events.database().listen(std::string(domain::geo::event_repository::channel));
  engine_.fresh.follow(listener_);
  const announcements heard = engine_.fresh.heard();
  const auto begun = runtime::steady_now();
  const call_context context = call_context::within(read_limit);
  const auto last = co_await engine_.events.last_sequence(context);
  if (!last) co_return last.error();
  if (engine_.shared) {
    if (const auto ok = co_await engine_.shared->begin(engine_.events, *last); !ok) co_return ok.error();
    bell_.emplace(engine_.shared->store(), engine_.shared->database(), engine_.loads);
  }
  last_ = *last;
  engine_.streams.skip_to(last_);
  engine_.fresh.settle(heard, last_, begun);
  co_return result<void>{};
}

awaitable<void> change_tail::run() {
  co_await asio::this_coro::throw_if_cancelled(false);
  const executor here = co_await asio::this_coro::executor;
  woken_.raise();  // for what was committed since begin(), whose announcement may have been missed
  runtime::task_group hearing;
  hearing.spawn(here, hear_database());
  if (bell_) hearing.spawn(here, bell_->hear(woken_));
  co_await follow();
  hearing.cancel();
  co_await asio::this_coro::reset_cancellation_state();
  co_await hearing.wait();
}

awaitable<void> change_tail::hear_database() {
  co_await asio::this_coro::throw_if_cancelled(false);
  for (;;) {
    const call_context until = call_context::within(longest_silence);
    const auto woken = co_await listener_->wait(until);
    if (!woken && woken.error() == errc::cancelled) co_return;
    woken_.raise();
    if (!woken && woken.error() != errc::timeout && !co_await runtime::sleep_for(pause_after_failure)) co_return;
  }
}

awaitable<void> change_tail::follow() {
  co_await asio::this_coro::throw_if_cancelled(false);
  bool failing = false;
  while (co_await woken_.wait(runtime::deadline::max())) {
    const std::int64_t before = last_;
    const auto read = co_await catch_up();
    if (bell_ && last_ > before) bell_->ring(last_, co_await asio::this_coro::executor);
    if (bell_ && read && last_ <= before) bell_->found_nothing(last_);
    if (!read && read.error() != errc::cancelled) {
      if (!failing) log::warn("the change log cannot be read", {{"role", "cache"}, {"error", read.error().what()}});
      if (!co_await runtime::sleep_for(pause_after_failure)) co_return;
      woken_.raise();
    }
    failing = !read;
  }
}

awaitable<result<void>> change_tail::catch_up() {
  for (;;) {
    // What had been announced by here is in the log that is read next.
    const announcements heard = engine_.fresh.heard();
    const auto begun = runtime::steady_now();
    const call_context context = call_context::within(read_limit);
    const auto touched = co_await engine_.events.touches_after(context, last_, page);
    if (!touched) co_return touched.error();
    if (touched->empty()) {
      if (const auto ok = co_await look_back(begun); !ok) co_return ok.error();
    }
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
    engine_.fresh.settle(heard, last_, begun);
    co_return result<void>{};
  }
}

// Retention keeps the newest change, so that the numbers go back only where a failover has lost commits or a backup was
// put in place: what is kept may be of changes that never were.
awaitable<result<void>> change_tail::look_back(time_point now) {
  if (now < looked_back_ + look_back_interval) co_return result<void>{};
  looked_back_ = now;
  const call_context context = call_context::within(read_limit);
  const auto end = co_await engine_.events.last_sequence(context);
  if (!end) co_return end.error();
  // What streams were told while this happened may have passed it by.
  if (engine_.streams.told() > last_) engine_.streams.go_back_to(last_);
  if (*end >= last_) co_return result<void>{};
  log::warn("the change log has gone back: all that is kept is forgotten",
            {{"role", "cache"}, {"from", last_}, {"to", *end}});
  last_ = *end;
  if (engine_.shared) engine_.shared->begin_at(last_);
  engine_.purge();
  engine_.streams.go_back_to(last_);
  co_return result<void>{};
}

}  // namespace distsys::roles::cache
