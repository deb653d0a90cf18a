#include "peer_bell.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <charconv>
#include <utility>

namespace distsys::roles::cache {
namespace {

using namespace std::chrono_literals;
using ports::call_context;

constexpr auto send_limit = 500ms;  // later the database's own announcement has come
constexpr auto pause_after_failure = 250ms;

metrics::counter& message_counter(std::string_view what) {
  return metrics::get_counter("distsys_cache_peer_messages_total",
                              "Messages between the caches of a database about changes in its log", {{"what", what}});
}

/// 0 where it is none.
std::int64_t sequence_of(const std::string& message) {
  std::int64_t sequence = 0;
  const char* const end = message.data() + message.size();
  return std::from_chars(message.data(), end, sequence).ptr == end ? sequence : 0;
}

}  // namespace

peer_bell::peer_bell(std::shared_ptr<ports::kv_store> store, const std::string& database, runtime::task_group& tasks)
    : store_(std::move(store)),
      channel_("distsys:geo:changes:" + database),
      tasks_(tasks),
      listener_(store_->subscribe(channel_)),
      told_(message_counter("told")),
      heard_(message_counter("heard")) {}

void peer_bell::ring(std::int64_t sequence, executor where) {
  applied_ = sequence;
  if (sequence <= heard_of_) return;
  to_tell_ = sequence;
  if (sending_ || !store_->health().healthy) return;
  sending_ = true;
  tasks_.spawn(where, send());
}

// What was told of beyond the end of the log was wrong, and is forgotten here.
void peer_bell::found_nothing(std::int64_t sequence) noexcept {
  applied_ = sequence;
  to_tell_ = std::min(to_tell_, sequence);
  heard_of_ = 0;
}

awaitable<void> peer_bell::send() {
  co_await asio::this_coro::throw_if_cancelled(false);
  for (std::int64_t told = 0; told != to_tell_;) {
    told = to_tell_;
    const call_context context = call_context::within(send_limit);
    if (!co_await store_->publish(context, channel_, std::to_string(told))) break;  // they find out by themselves
    told_.add();
  }
  sending_ = false;
}

awaitable<void> peer_bell::hear(ports::wake_signal& wake) {
  co_await asio::this_coro::throw_if_cancelled(false);
  for (;;) {
    const call_context forever;
    const auto message = co_await listener_->next(forever);
    if (!message && message.error() == errc::cancelled) co_return;
    if (message) {
      const std::int64_t sequence = sequence_of(*message);
      if (sequence <= applied_) continue;  // the own message, or one that tells nothing new
      heard_of_ = sequence;
      heard_.add();
    }
    wake.raise();
    if (!message && !co_await runtime::sleep_for(pause_after_failure)) co_return;
  }
}

}  // namespace distsys::roles::cache
