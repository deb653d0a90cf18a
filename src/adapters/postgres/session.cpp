#include "session.hpp"

#include "connector.hpp"
#include "distsys/foundation/log.hpp"
#include "distsys/foundation/metrics.hpp"

#include <unistd.h>

namespace distsys::adapters::postgres {

namespace {

metrics::gauge& open_connections() {
  static metrics::gauge& g =
      metrics::get_gauge("distsys_postgres_connections", "Connections to PostgreSQL that are open.");
  return g;
}

void count_attempt(bool worked) {
  static constexpr std::string_view name = "distsys_postgres_connects_total",
                                    help = "Attempts to connect to PostgreSQL.";
  static metrics::counter& good = metrics::get_counter(name, help, {{"outcome", "success"}});
  static metrics::counter& bad = metrics::get_counter(name, help, {{"outcome", "failure"}});
  (worked ? good : bad).add();
}

}  // namespace

session::session(surroundings s) : around_(std::move(s)), socket_(around_.where), timer_(around_.where) {}

awaitable<void> session::open(std::shared_ptr<session> self) {
  const auto limit = runtime::steady_now() + self->around_.settings->connect_timeout;
  auto connected = co_await connect(*self->around_.settings, self->around_.first_address, limit);
  if (self->state_ != state::opening) co_return;
  count_attempt(connected.has_value());
  if (!connected) {
    error why = connected.error();
    if (why == errc::timeout) why.code = errc::unavailable;
    if (!why.detail.empty()) why.detail = "no connection to PostgreSQL: " + why.detail;
    self->close(why);
    co_return;
  }
  self->adopt(*std::move(connected));
}

void session::adopt(pg_connection c) {
  // A descriptor of our own: libpq closes its one as soon as it finds the connection lost, and its number may belong to
  // another thread before ours is taken from the loop.
  const int fd = ::dup(PQsocket(c.get()));
  if (fd < 0) return close({errc::unavailable, "no descriptor for a connection"});
  socket_.assign(fd);
  if (auto started = pipeline_.start(std::move(c)); !started) return close(started.error());
  state_ = state::ready;
  open_connections().add(1);
  if (!around_.setup.empty()) {
    auto setup = std::make_shared<exchange>();
    for (std::string& sql : around_.setup) setup->steps.push_back(exchange::raw(std::move(sql)));
    setup->until = runtime::steady_now() + around_.settings->connect_timeout;
    setup->on_done = [this, setup = setup.get()] {
      if (!setup->failure) return;
      const error why{errc::unavailable, "a new connection was not made ready: " + setup->failure->what.detail};
      asio::post(around_.where, [self = shared_from_this(), why] { self->close(why); });
    };
    pipeline_.push_front(std::move(setup));
  }
  wait_readable();
  advance();
}

void session::submit(std::shared_ptr<exchange> e) {
  if (state_ == state::closed) {
    e->fail({{errc::unavailable, "the connection is closed"}, {}, 0, true});
    return e->answer();
  }
  // A call of several hops has no time for another one: the grace behind its deadline is for an answer.
  if (e->until <= runtime::steady_now()) {
    e->fail({{errc::timeout, "the deadline passed before it was sent"}, {}, 0, false});
    return e->answer();
  }
  e->cancels_before = cancels_made_;
  wake_at(e->until);
  pipeline_.push(std::move(e));
  if (state_ == state::ready) send();
}

awaitable<void> session::perform(std::shared_ptr<exchange> e) {
  co_await asio::async_initiate<const asio::use_awaitable_t<executor>, void()>(
      [](auto handler, std::shared_ptr<session> self, std::shared_ptr<exchange> x) {
        const auto slot = asio::get_associated_cancellation_slot(handler);
        const auto waiting = std::make_shared<decltype(handler)>(std::move(handler));
        if (auto s = slot; s.is_connected()) {
          s.assign([weak = self->weak_from_this(), of = std::weak_ptr<exchange>(x)](asio::cancellation_type) {
            const auto here = weak.lock();
            const auto what = of.lock();
            if (here && what) here->cancel(what);
          });
        }
        // Posted: what the caller does next must not happen in the middle of what the session does.
        x->on_done = [waiting, slot, where = self->around_.where] {
          asio::post(where, [waiting, slot = asio::cancellation_slot(slot)]() mutable {
            if (slot.is_connected()) slot.clear();
            std::move (*waiting)();
          });
        };
        self->submit(std::move(x));
      },
      use_awaitable, shared_from_this(), std::move(e));
}

void session::close(const error& why) {
  if (state_ == state::closed) return;
  const auto self = shared_from_this();
  const bool was_connected = state_ == state::ready;
  if (was_connected) open_connections().add(-1);
  state_ = state::closed;
  boost::system::error_code ignored;
  socket_.close(ignored);
  pipeline_.stop();
  still_open_.reset();
  timer_.cancel();
  pipeline_.fail_all(why);
  if (auto closed = std::exchange(around_.closed, nullptr)) closed(this, why, was_connected);
  check_quiet();
}

void session::advance() {
  send();
  if (state_ == state::ready) take_notifications();
  check_quiet();
}

void session::send() {
  // A request to cancel that is on its way would hit what is sent now. A read is run again then, others are not.
  if (cancelling_ && !pipeline_.empty() && !pipeline_.begun(0) && !pipeline_.at(0)->shared) return;
  switch (pipeline_.send()) {
    case pipeline::progress::done:
      return;
    case pipeline::progress::blocked:
      return wait_writable();
    case pipeline::progress::broken:
      (void)pipeline_.receive();  // a reason may have arrived
      return lose();
  }
}

void session::receive() {
  const bool alive = pipeline_.receive();
  if (!alive) return lose();
  if (pipeline_.empty() || pipeline_.at(0).get() != last_chance_of_) last_chance_ = runtime::deadline::max();
  // A caller that left early: its statement is given a moment, then the server is asked to end it.
  if (!pipeline_.empty() && pipeline_.at(0)->answered) wake_at(runtime::steady_now() + std::chrono::milliseconds(20));
  advance();
}

void session::lose() { close({errc::unavailable, "the connection to " + around_.settings->label + " was lost"}); }

void session::wait_readable() {
  if (std::exchange(reading_, true)) return;
  socket_.async_wait(descriptor::wait_read, [self = shared_from_this()](const boost::system::error_code& ec) {
    self->reading_ = false;
    if (ec || self->state_ != state::ready) return;
    self->receive();
    if (self->state_ == state::ready) self->wait_readable();
  });
}

void session::wait_writable() {
  if (std::exchange(writing_, true)) return;
  socket_.async_wait(descriptor::wait_write, [self = shared_from_this()](const boost::system::error_code& ec) {
    self->writing_ = false;
    if (ec || self->state_ != state::ready) return;
    // libpq asks for it: a server that waits for us to read does not read what we send.
    self->receive();
  });
}

void session::take_notifications() {
  while (PGnotify* const n = PQnotifies(pipeline_.connection())) {
    const std::unique_ptr<PGnotify, decltype(&PQfreemem)> owner(n, PQfreemem);
    if (around_.notified) around_.notified(n->relname, n->extra);
  }
}

void session::when_quiet(std::function<void()> then) {
  when_quiet_ = std::move(then);
  check_quiet();
}

void session::check_quiet() {
  if (!when_quiet_) return;
  if (state_ == state::closed || (pipeline_.empty() && !cancelling_))
    asio::post(around_.where, std::exchange(when_quiet_, nullptr));
}

}  // namespace distsys::adapters::postgres
