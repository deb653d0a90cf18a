#include "notifications.hpp"

#include "distsys/foundation/log.hpp"
#include "distsys/runtime/random.hpp"
#include "sql_text.hpp"

#include <algorithm>
#include <utility>

namespace distsys::adapters::postgres {

namespace {

using namespace std::chrono_literals;
constexpr auto send_limit = 5s;
constexpr auto first_pause = 100ms, longest_pause = 2000ms;

}  // namespace

void notifier::notify(std::string channel) {
  const auto [entry, idle] = channels_.try_emplace(channel, state::sending);
  if (idle)
    tasks_.spawn(pool_.where(), send(*this, std::move(channel)));
  else
    entry->second = state::again;
}

/// A notification need not survive a crash of the server, so its commit waits for no disk.
awaitable<void> notifier::send(notifier& self, std::string channel) {
  do {
    self.channels_[channel] = state::sending;
    const auto context = ports::call_context::within(send_limit);
    auto on = co_await self.pool_.writer(context);
    if (!on) break;  // listeners look from time to time
    auto e = std::make_shared<exchange>();
    e->until = context.deadline;
    e->steps.push_back(exchange::raw("BEGIN"));
    e->steps.push_back(exchange::raw("SET LOCAL synchronous_commit = off"));
    e->steps.push_back(exchange::raw("NOTIFY " + quote_name(channel) + ", '" + self.sender_ + "'"));
    e->steps.push_back(exchange::raw("COMMIT"));
    co_await (*on)->perform(e);
    if (e->failure) log::debug("a notification was not sent", {{"channel", channel}, {"why", e->failure->what.what()}});
  } while (self.channels_[channel] == state::again);
  self.channels_.erase(channel);
}

notification_listener::notification_listener(const options& settings, canceller& cancels, ports::change_hub& hub,
                                             std::string sender)
    : settings_(settings), cancels_(cancels), hub_(hub), sender_(std::move(sender)) {}

bool notification_listener::add(std::string channel) {
  bool first = false;
  {
    const std::lock_guard lock(mutex_);
    if (!wanted_.insert(std::move(channel)).second) return false;
    first = !std::exchange(started_, true);
  }
  changed_->raise();
  return first;
}

std::shared_ptr<session> notification_listener::make_session(executor where) {
  session::surroundings around{
      .where = std::move(where), .settings = &settings_, .cancels = &cancels_, .first_address = first_address_};
  around.closed = [changed = changed_](session*, const error&, bool) { changed->raise(); };
  around.notified = [this](std::string_view channel, std::string_view sender) {
    if (sender == sender_) return;
    hub_.announce();
    hub_.wake(channel);
  };
  return std::make_shared<session>(std::move(around));
}

awaitable<bool> notification_listener::listen_to_new(session& on) {
  std::set<std::string> wanted;
  {
    const std::lock_guard lock(mutex_);
    wanted = wanted_;
  }
  auto e = std::make_shared<exchange>();
  for (const auto& channel : wanted)
    if (!heard_.contains(channel)) e->steps.push_back(exchange::raw("LISTEN " + quote_name(channel)));
  if (e->steps.empty()) co_return true;
  e->until = runtime::steady_now() + send_limit;
  co_await on.perform(e);
  if (e->failure) co_return false;
  heard_ = std::move(wanted);
  hub_.announce();
  hub_.wake_all();
  co_return true;
}

awaitable<void> notification_listener::run(notification_listener& self) {
  co_await asio::this_coro::throw_if_cancelled(false);
  const auto where = co_await asio::this_coro::executor;
  std::shared_ptr<session> on;
  for (std::chrono::milliseconds pause = first_pause;;) {
    if (!on || !on->open_or_opening()) {
      on = self.make_session(where);
      self.heard_.clear();
      co_await session::open(on);
      if (!on->connected()) ++self.first_address_;
    }
    if (on->connected() && co_await self.listen_to_new(*on)) {
      pause = first_pause;
      if (const auto woken = co_await self.changed_->wait(runtime::deadline::max()); !woken) break;
      continue;
    }
    on->close({errc::unavailable, "it does not listen"});
    const auto jitter = runtime::thread_random().uniform(0.5, 1);
    if (!co_await runtime::sleep_for(std::chrono::duration_cast<std::chrono::milliseconds>(pause * jitter))) break;
    pause = std::min<std::chrono::milliseconds>(pause * 2, longest_pause);
  }
  on->close({errc::unavailable, "the database is closed"});
}

}  // namespace distsys::adapters::postgres
