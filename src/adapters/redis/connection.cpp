#include "connection.hpp"

#include "stored_value.hpp"

#include "distsys/foundation/log.hpp"
#include "distsys/ports/kv_store.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>

namespace distsys::adapters::redis {
namespace {

constexpr std::size_t max_pending = 16'384;  // calls
constexpr std::size_t read_size = 64u << 10;
constexpr std::size_t next_start = 4u << 10;  // read behind a large value: the next one's line, and little to be copied
constexpr std::size_t slow_write = 16u << 10;  // from this size on it is watched how far it has come
constexpr auto grace = std::chrono::seconds(1);

}  // namespace

connection::connection(executor loop, environment e)
    : loop_(loop),
      env_(std::move(e)),
      connector_(env_.settings, env_.tls),
      name_("redis " + env_.settings->describe() + ": "),
      queue_(env_.figures),
      timer_(loop) {}

error connection::named(const error& e) const { return {e.code, name_ + e.detail}; }

result<void> connection::admit(const request& r) const {
  if (state_ == state::closed) return error{errc::unavailable, name_ + "the store is closed"};
  if (failing_ && state_ != state::ready) return last_failure_;
  if (pending() >= max_pending)
    return error{errc::overloaded, name_ + std::to_string(max_pending) + " calls wait already"};
  if (r.commands.bytes() > send_queue::max_bytes)
    return error{errc::too_large, name_ + "a call of " + std::to_string(r.commands.bytes()) + " bytes"};
  if (!queue_.has_room_for(r))
    return error{errc::overloaded, name_ + std::to_string(queue_.bytes()) + " bytes wait to be sent already"};
  return {};
}

awaitable<result<std::vector<reply>>> connection::call(std::shared_ptr<request> r) {
  if (auto ok = admit(*r); !ok) co_return ok.error();
  co_await asio::async_initiate<const asio::use_awaitable_t<executor>, void()>(
      [](auto handler, std::shared_ptr<connection> self, std::shared_ptr<request> waiting) {
        waiting->wait(std::move(handler));
        self->enqueue(std::move(waiting));
      },
      use_awaitable, shared_from_this(), r);
  co_return r->take();
}

void connection::enqueue(std::shared_ptr<request> r) {
  arm(r->until);
  queue_.push(std::move(r));
  count_pending();
  if (state_ == state::ready) return schedule_flush();
  if (state_ != state::idle) return;
  state_ = state::connecting;
  env_.tasks.spawn(loop_, run());
}

// --- connecting

awaitable<void> connection::run() {
  const auto self = shared_from_this();
  co_await asio::this_coro::throw_if_cancelled(false);
  while (state_ != state::closed) {
    state_ = state::connecting;
    auto opened = co_await connector_.connect();
    if (state_ == state::closed) break;
    if (!opened) {
      if (!co_await pause(opened.error())) break;
      continue;
    }
    if (was_connected_) env_.reconnects.add();
    was_connected_ = true;
    stream_ = *std::move(opened);
    upload_ = {};
    state_ = state::ready;
    heard_ = failing_ = false;
    add(env_.figures->open, 1);
    flush();
    const error why = named(co_await serve());
    add(env_.figures->open, -1);
    lose(why);
    if (state_ == state::closed) break;
    if (!heard_) {  // one that answers nothing is as good as none
      if (!co_await pause(why)) break;
    } else if (queue_.calls() == 0) {
      state_ = state::idle;
      co_return;
    }
  }
}

awaitable<bool> connection::pause(const error& why) {
  if (why == errc::cancelled) co_return false;
  last_failure_ = why;
  failing_ = true;
  state_ = state::waiting;
  fail_queue(why);
  const auto wait = backoff_.next();
  log::debug("Redis cannot be reached", {{"why", why.detail}, {"next_attempt_ms", wait.count()}});
  co_return co_await runtime::sleep_for(wait) && state_ != state::closed;
}

awaitable<error> connection::serve() {
  reply_reader reader({.elements = 64, .depth = 1, .value = ports::kv_store::max_value_bytes + max_head}, true);
  const auto s = stream_;
  in_.resize(read_size);
  for (;;) {
    const auto room = reader.room();
    const auto rest = asio::buffer(in_, reader.reads_large() ? next_start : read_size);
    const auto [ec, n] = room.empty() ? co_await s->read_some(rest)
                                      : co_await s->read_some(asio::buffer(room.data(), room.size()), rest);
    if (s != stream_ || state_ == state::closed) co_return error{errc::unavailable, "the connection was given up"};
    if (ec)
      co_return error{errc::unavailable, ec == asio::error::eof ? "the server closed the connection" : ec.message()};
    last_read_ = runtime::steady_now();
    const std::size_t direct = std::min(n, room.size());
    if (direct > 0) reader.filled(direct);
    if (auto ok = take_in(reader, {in_.data(), n - direct}); !ok) co_return ok.error();
  }
}

std::size_t connection::next_reply_limit() const noexcept {
  return in_flight_.empty() ? 0 : in_flight_.front()->max_reply;
}

/// What ends the connection: only the call whose answer it is hears that this is too large.
error connection::refuse(const error& e) {
  if (e != errc::too_large) return e;
  if (!in_flight_.empty()) {
    in_flight_.front()->fail(named(e));
    in_flight_.pop_front();
  }
  return {errc::unavailable, e.detail};
}

/// An answer that cannot be the oldest call's: nobody knows whose the later ones are.
error connection::out_of_step() {
  const error why{errc::corrupt, "an answer of an unexpected kind; the connection is given up"};
  in_flight_.front()->fail(named(why));
  in_flight_.pop_front();
  return {errc::unavailable, "the server sent an answer of an unexpected kind"};
}

result<void> connection::take_in(reply_reader& reader, std::string_view bytes) {
  for (;;) {
    for (;;) {
      auto one = reader.next(next_reply_limit());
      if (!one) return refuse(one.error());
      if (!*one) break;
      if (in_flight_.empty()) return error{errc::unavailable, "the server sent an answer to no question"};
      if (!in_flight_.front()->fits(**one)) return out_of_step();
      if (!std::exchange(heard_, true)) backoff_.reset();
      if (in_flight_.front()->deliver(std::move(**one))) in_flight_.pop_front();
    }
    if (bytes.empty()) break;
    const auto used = reader.feed(bytes, next_reply_limit());
    if (!used) return used.error();
    bytes.remove_prefix(*used);
  }
  count_pending();
  return {};
}

void connection::lose(const error& why) {
  if (stream_) stream_->close();
  stream_.reset();
  auto lost = std::exchange(in_flight_, {});
  for (const auto& r : lost) {
    r->fail(r->kind == effect::repeatable
                ? why
                : error{errc::indeterminate, why.detail + "; whether the call took effect is not known"});
  }
  count_pending();
}

void connection::renew(const std::string& why) {
  if (state_ != state::ready || !stream_) return;
  const auto now = runtime::steady_now();
  // Without sentinels there is no other server to be found: a new connection is likely to lead to the same.
  if (env_.settings->sentinel.empty() && now - renewed_ < std::chrono::seconds(1)) return;
  renewed_ = now;
  lose({errc::unavailable, name_ + why});
  heard_ = false;  // so that run() pauses
}

void connection::close() {
  if (state_ == state::closed) return;
  state_ = state::closed;
  const error why{errc::unavailable, name_ + "the store is closed"};
  lose(why);
  fail_queue(why);
  timer_.cancel();
}

void connection::fail_queue(const error& why) {
  for (const auto& r : queue_.take()) r->fail(why);
  count_pending();
}

// --- writing

// By a post, so that all who are resumed in this turn of the loop get into one write.
void connection::schedule_flush() {
  if (flush_scheduled_ || writing_) return;
  flush_scheduled_ = true;
  asio::post(loop_, [self = shared_from_this()] {
    self->flush_scheduled_ = false;
    self->flush();
  });
}

void connection::flush() {
  if (writing_ || state_ != state::ready || !stream_) return;
  const auto all = queue_.next(in_flight_);
  count_pending();
  if (!all) return;
  writing_ = true;
  arm(gives_up());
  const auto self = shared_from_this();
  stream_->write(
      all->buffers,
      [self, all, s = stream_](boost::system::error_code ec) {
        self->writing_ = false;
        self->queue_.written(*all);
        if (self->stream_ != s) return self->flush();  // there is another connection by now
        if (ec) return self->lose({errc::unavailable, self->name_ + ec.message()});
        if (all->bytes >= slow_write) self->upload_.moved(*s);
        self->flush();
      },
      [self, s = stream_] {
        if (self->stream_ == s) self->upload_.moved(*s);
      });
}

// --- time

// When a server that has sent nothing since then, and taken nothing, is given up: a second after the oldest call's
// deadline, at the latest after the timeout.
runtime::deadline connection::gives_up() const {
  if (in_flight_.empty()) return runtime::deadline::max();
  const request& oldest = *in_flight_.front();
  const auto silent_since = std::max({oldest.sent, last_read_, upload_.last()});
  const auto latest = silent_since + env_.settings->timeout;
  if (oldest.until >= latest - grace) return latest;
  return std::min(latest, silent_since + (std::max(oldest.until, oldest.sent) - oldest.sent) + grace);
}

void connection::arm(runtime::deadline t) {
  if (t >= armed_ || state_ == state::closed) return;
  armed_ = t;
  timer_.expires_at(t);
  timer_.async_wait([weak = weak_from_this()](boost::system::error_code ec) {
    if (const auto self = weak.lock(); self && !ec) self->on_time();
  });
}

void connection::on_time() {
  armed_ = runtime::deadline::max();
  const auto now = runtime::steady_now();
  const error late{errc::timeout, name_ + "no answer before the deadline"};
  auto next = queue_.expire(now, late);
  for (const auto& r : in_flight_) {
    if (!r->waited_for()) continue;
    if (r->until <= now) {
      r->fail(late);
    } else {
      next = std::min(next, r->until);
    }
  }
  count_pending();
  if (stream_ && gives_up() <= now && !upload_.moves(*stream_))
    lose({errc::unavailable, name_ + "the server does not answer"});
  arm(std::min(next, gives_up()));
}

void connection::count_pending() {
  const auto now = static_cast<std::int64_t>(pending());
  add(env_.figures->pending, now - counted_);
  counted_ = now;
}

}  // namespace distsys::adapters::redis
