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
  const call_context context = call_context::within(read_limit);
  const auto last = co_await events_.last_sequence(context);
  if (!last) co_return last.error();
  last_ = *last;
  streams_.begin_at(last_);
  co_return result<void>{};
}

awaitable<void> change_tail::run() {
  co_await asio::this_coro::throw_if_cancelled(false);
  const auto listener = events_.database().listen(std::string(domain::geo::event_repository::channel));
  bool failing = false;
  for (;;) {
    const call_context until = call_context::within(longest_silence);
    const auto woken = co_await listener->wait(until);
    if ((co_await asio::this_coro::cancellation_state).cancelled() != asio::cancellation_type::none) co_return;
    if (woken) answers_.announce();
    const auto read = co_await catch_up();
    if (read) answers_.settle();
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
    const call_context context = call_context::within(read_limit);
    auto changes = co_await events_.changes_after(context, last_, page);
    if (!changes) co_return changes.error();
    if (changes->empty()) co_return result<void>{};
    std::vector<touch> touched;
    touched.reserve(changes->size());
    for (const auto& c : *changes) touched.push_back({c.source, c.at, c.previous});
    answers_.apply(touched);
    last_ = changes->back().sequence;
    const bool more = changes->size() == page;
    streams_.publish(std::move(*changes));
    if (!more) co_return result<void>{};
  }
}

}  // namespace distsys::roles::cache
