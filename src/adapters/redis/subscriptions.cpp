#include "subscriptions.hpp"

#include "command.hpp"
#include "redis_error.hpp"

#include "distsys/foundation/log.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <array>
#include <utility>

namespace distsys::adapters::redis {
namespace {

constexpr std::size_t max_message = ports::kv_store::max_value_bytes + (64u << 10);

}  // namespace

subscriptions::subscriptions(executor loop, std::shared_ptr<const options> settings,
                             std::shared_ptr<asio::ssl::context> tls, runtime::task_group& tasks)
    : loop_(loop), settings_(std::move(settings)), connector_(settings_, std::move(tls)), tasks_(tasks), pulse_(loop) {}

void subscriptions::drop_expired(channel_state& c) {
  std::erase_if(c.boxes, [](const auto& weak) { return weak.expired(); });
}

std::unique_ptr<ports::message_listener> subscriptions::subscribe(std::string channel) {
  auto box = std::make_shared<ports::mailbox>();
  auto listener = std::make_unique<ports::mailbox_listener>(box);
  const std::lock_guard lock(mutex_);
  if (closed_) return listener;
  auto [position, fresh] = channels_.try_emplace(std::move(channel));
  drop_expired(position->second);
  position->second.boxes.push_back(box);
  if (fresh) ++unconfirmed_;
  if (!std::exchange(running_, true)) {
    tasks_.spawn(loop_, run());
  } else if (fresh) {
    asio::post(loop_, [self = shared_from_this()] { self->send(); });
  }
  return listener;
}

awaitable<result<void>> subscriptions::settled(const std::string& channel, runtime::deadline limit) {
  if (unconfirmed_.load(std::memory_order_acquire) == 0) co_return result<void>{};
  const auto signal = std::make_shared<ports::wake_signal>();
  for (;;) {
    {
      const std::lock_guard lock(mutex_);
      const auto found = channels_.find(channel);
      if (closed_ || !reachable_ || found == channels_.end() || found->second.confirmed) co_return result<void>{};
      waiting_.push_back(signal);
    }
    if (auto woken = co_await signal->wait(limit); !woken) co_return woken.error();
  }
}

void subscriptions::wake_waiting() {
  for (const auto& weak : waiting_)
    if (const auto signal = weak.lock()) signal->raise();
  waiting_.clear();
}

void subscriptions::close() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    channels_.clear();
    unconfirmed_ = 0;
    wake_waiting();
  }
  if (stream_) stream_->close();
  pulse_.cancel();
}

// --- the connection
// ----------------------------------------------------------------------------------------------------

bool subscriptions::drop_unheard() {
  for (auto at = channels_.begin(); at != channels_.end();) {
    auto& [name, c] = *at;
    drop_expired(c);
    if (!c.boxes.empty()) {
      ++at;
      continue;
    }
    if (!c.confirmed) --unconfirmed_;
    if (c.asked) unwanted_.push_back(name);
    at = channels_.erase(at);
  }
  return !channels_.empty();
}

bool subscriptions::wanted() {
  const std::lock_guard lock(mutex_);
  if (closed_) return false;
  running_ = drop_unheard();
  return running_;
}

awaitable<void> subscriptions::run() {
  const auto self = shared_from_this();
  co_await asio::this_coro::throw_if_cancelled(false);
  while (wanted()) {
    if (!co_await open()) {
      lost();
      if (!co_await runtime::sleep_for(backoff_.next())) break;
      continue;
    }
    const error why = co_await serve();
    if (stream_) stream_->close();
    stream_.reset();
    pulse_.cancel();
    lost();
    if (confirmed_here_ && why == errc::unavailable) {
      backoff_.reset();
      told_.clear();
    } else if (!co_await refused(why)) {
      break;
    }
  }
}

/// A server that confirms nothing, or refuses a channel, is asked ever more rarely, and no publisher waits for it.
awaitable<bool> subscriptions::refused(const error& why) {
  {
    const std::lock_guard lock(mutex_);
    if (closed_) co_return false;
    reachable_ = false;
    wake_waiting();
  }
  if (std::exchange(told_, why.detail) != why.detail)
    log::warn("Redis lets nobody listen to messages", {{"server", settings_->describe()}, {"why", why.detail}});
  co_return co_await runtime::sleep_for(backoff_.next());
}

awaitable<bool> subscriptions::open() {
  auto opened = co_await connector_.connect();
  {
    const std::lock_guard lock(mutex_);
    reachable_ = opened.has_value();
    if (closed_ || !opened) {
      wake_waiting();
      co_return false;
    }
  }
  stream_ = *std::move(opened);
  unwanted_.clear();
  writing_ = ping_ = confirmed_here_ = false;
  heard_ = true;
  send();
  beat();
  co_return true;
}

awaitable<error> subscriptions::serve() {
  reply_reader reader({.elements = 8, .depth = 1}, false);
  const auto s = stream_;
  std::vector<char> in(64u << 10);
  for (;;) {
    const auto [ec, n] = co_await s->read_some(asio::buffer(in));
    if (ec) co_return error{errc::unavailable, ec.message()};
    heard_ = true;
    for (std::string_view bytes(in.data(), n); !bytes.empty();) {
      const auto used = reader.feed(bytes, max_message);
      if (!used) co_return used.error();
      bytes.remove_prefix(*used);
      for (;;) {
        auto one = reader.next(max_message);
        if (!one) co_return one.error();
        if (!*one) break;
        if (auto ok = take(**one); !ok) co_return ok.error();
      }
    }
  }
}

result<void> subscriptions::take(const reply& r) {
  if (r.type == reply::kind::status) return {};  // +PONG
  if (r.type == reply::kind::error) return error{errc::permission_denied, server_error(r.text).detail};
  if (r.type != reply::kind::array || r.elements.empty()) return error{errc::unavailable, "no message"};
  const std::string& what = r.elements[0].text;
  if (what == "message" && r.elements.size() == 3) deliver(r.elements[1].text, r.elements[2].text);
  if (what == "subscribe" && r.elements.size() == 3) confirm(r.elements[1].text);
  return {};
}

void subscriptions::deliver(const std::string& channel, std::string message) {
  const auto shared = std::make_shared<const std::string>(std::move(message));
  std::vector<std::shared_ptr<ports::mailbox>> boxes;
  {
    const std::lock_guard lock(mutex_);
    const auto found = channels_.find(channel);
    if (found == channels_.end()) return;
    for (const auto& weak : found->second.boxes)
      if (auto box = weak.lock()) boxes.push_back(std::move(box));
    if (boxes.empty()) {  // nobody listens any more
      if (!found->second.confirmed) --unconfirmed_;
      channels_.erase(found);
      unwanted_.push_back(channel);
    }
  }
  for (const auto& box : boxes) box->put(shared);
  if (!unwanted_.empty()) send();
}

void subscriptions::confirm(const std::string& channel) {
  confirmed_here_ = true;
  std::vector<std::shared_ptr<ports::mailbox>> boxes;
  {
    const std::lock_guard lock(mutex_);
    const auto found = channels_.find(channel);
    if (found == channels_.end()) return;
    if (!std::exchange(found->second.confirmed, true)) --unconfirmed_;
    if (std::exchange(found->second.missed, false)) {
      for (const auto& weak : found->second.boxes)
        if (auto box = weak.lock()) boxes.push_back(std::move(box));
    }
    wake_waiting();
  }
  for (const auto& box : boxes) box->missed("redis: the connection was lost and made again");
}

void subscriptions::lost() {
  const std::lock_guard lock(mutex_);
  for (auto& [name, c] : channels_) {
    if (std::exchange(c.confirmed, false)) ++unconfirmed_;
    c.asked = false;
    c.missed = true;
  }
}

/// Asks for the channels that are new, and leaves those that nobody listens to.
void subscriptions::send() {
  if (!stream_ || writing_) return;
  const auto bytes = std::make_shared<std::string>();
  const auto add = [&](std::string_view word, const std::string& channel) {
    command c(2);
    c.add(word).add(channel).write_to(*bytes, [](const ports::shared_bytes&) {});
  };
  for (const auto& channel : std::exchange(unwanted_, {})) add("UNSUBSCRIBE", channel);
  {
    const std::lock_guard lock(mutex_);
    for (auto& [name, c] : channels_)
      if (!std::exchange(c.asked, true)) add("SUBSCRIBE", name);
  }
  if (std::exchange(ping_, false)) command(1).add("PING").write_to(*bytes, [](const ports::shared_bytes&) {});
  if (bytes->empty()) return;
  writing_ = true;
  const asio::const_buffer out = asio::buffer(*bytes);
  stream_->write({&out, 1}, [self = shared_from_this(), bytes, s = stream_](boost::system::error_code ec) {
    if (self->stream_ != s) return;
    self->writing_ = false;
    if (!ec) self->send();  // what came meanwhile; a failure shows in reading
  });
}

/// A server that is silent for the timeout is asked; one that does not answer for another is given up. Channels that
/// nobody listens to any more are left, and the last one's connection with it.
void subscriptions::beat() {
  pulse_.expires_after(settings_->timeout);
  pulse_.async_wait([weak = weak_from_this(), s = stream_](boost::system::error_code ec) {
    const auto self = weak.lock();
    if (ec || !self || self->stream_ != s) return;
    if (!std::exchange(self->heard_, false)) return s->close();
    {
      const std::lock_guard lock(self->mutex_);
      if (!self->drop_unheard()) return s->close();
    }
    self->ping_ = true;
    self->send();
    self->beat();
  });
}

}  // namespace distsys::adapters::redis
