#include "loop_pool.hpp"

#include "distsys/foundation/metrics.hpp"
#include "distsys/runtime/random.hpp"

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <utility>

namespace distsys::adapters::postgres {

namespace {

using namespace std::chrono_literals;
constexpr auto first_pause = 50ms, longest_pause = 2000ms;

metrics::gauge& calls_under_way() {
  static metrics::gauge& g =
      metrics::get_gauge("distsys_postgres_calls", "Calls to PostgreSQL that are under way or wait for a connection.");
  return g;
}

metrics::gauge& calls_waiting() {
  static metrics::gauge& g =
      metrics::get_gauge("distsys_postgres_waiters", "Batches and transactions that wait for a connection.");
  return g;
}

}  // namespace

struct loop_pool::waiter {
  using timer =
      asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, executor>;
  waiter(const executor& where, runtime::deadline until) : wake(where, until) {}
  timer wake;
  std::shared_ptr<session> given;
  std::optional<error> refused;
};

lease& lease::operator=(lease&& other) noexcept {
  if (this != &other) {
    give_back();
    from_ = other.from_;
    session_ = std::move(other.session_);
  }
  return *this;
}

void lease::give_back() {
  if (session_) from_->give_back(std::exchange(session_, nullptr));
}

loop_pool::loop_pool(executor where, const options& settings, canceller& cancels, runtime::task_group& tasks)
    : where_(std::move(where)), settings_(settings), cancels_(cancels), tasks_(tasks) {}

result<void> loop_pool::admit() {
  if (closing_) return error{errc::unavailable, "the database is closed"};
  if (calls_ >= settings_.queue)
    return error{errc::overloaded, std::to_string(calls_) + " calls wait for PostgreSQL already"};
  ++calls_;
  calls_under_way().add(1);
  return {};
}

void loop_pool::leave() {
  --calls_;
  calls_under_way().add(-1);
  if (calls_ == 0 && closer_) closer_->wake.cancel();
}

result<void> loop_pool::may_connect() const {
  if (failures_ == 0 || runtime::steady_now() >= retry_at_) return {};
  return last_failure_;
}

std::shared_ptr<session> loop_pool::open(bool read_only) {
  session::surroundings around{
      .where = where_, .settings = &settings_, .cancels = &cancels_, .first_address = first_address_};
  if (read_only) around.setup.emplace_back("SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY");
  around.closed = [this, began = first_address_](session* s, const error& why, bool was_connected) {
    if (!was_connected) first_address_ = began + 1;
    closed(s, why, was_connected);
  };
  auto made = std::make_shared<session>(std::move(around));
  tasks_.spawn(where_, session::open(made));
  return made;
}

result<std::shared_ptr<session>> loop_pool::reader() {
  const auto busier = [](const auto& a, const auto& b) {
    return std::pair(!a->connected(), a->load()) < std::pair(!b->connected(), b->load());
  };
  const auto least = std::ranges::min_element(readers_, busier);
  const bool all_busy = least == readers_.end() || (*least)->load() > 0;
  if (all_busy && readers_.size() < settings_.readers) {
    if (auto may = may_connect(); may)
      readers_.push_back(open(true));
    else if (readers_.empty())
      return may.error();
  }
  return *std::ranges::min_element(readers_, busier);
}

awaitable<result<lease>> loop_pool::writer(const ports::call_context& context) {
  if (!idle_.empty()) {
    auto s = std::move(idle_.back());
    idle_.pop_back();
    co_return lease(this, std::move(s));
  }
  if (writers_ < settings_.writers) {
    if (auto may = may_connect(); !may && writers_ == 0)
      co_return may.error();
    else if (may) {
      ++writers_;
      co_return lease(this, open(false));
    }
  }
  const auto w = std::make_shared<waiter>(where_, context.deadline);
  waiters_.push_back(w);
  calls_waiting().add(1);
  co_await w->wake.async_wait(use_tuple);
  calls_waiting().add(-1);
  std::erase(waiters_, w);
  lease given(w->given ? this : nullptr, std::move(w->given));
  if ((co_await asio::this_coro::cancellation_state).cancelled() != asio::cancellation_type::none)
    co_return error{errc::cancelled};
  if (given) co_return std::move(given);
  if (w->refused) co_return *w->refused;
  co_return error{errc::timeout, "the deadline passed while all connections were in use"};
}

void loop_pool::closed(session* s, const error& why, bool was_connected) {
  std::erase_if(readers_, [s](const auto& r) { return r.get() == s; });
  if (std::erase_if(idle_, [s](const auto& w) { return w.get() == s; }) > 0) --writers_;
  if (was_connected) {
    failures_ = 0;
    return;
  }
  // Between half of the pause and all of it, so that processes do not knock together.
  const auto pause = std::min<std::chrono::milliseconds>(first_pause * (1u << std::min(failures_, 6u)), longest_pause);
  ++failures_;
  retry_at_ =
      runtime::steady_now() + std::chrono::milliseconds(static_cast<std::int64_t>(
                                  static_cast<double>(pause.count()) * runtime::thread_random().uniform(0.5, 1)));
  last_failure_ = why;
}

/// Others get it when nothing runs on it and no transaction is open.
void loop_pool::give_back(std::shared_ptr<session> s) {
  if (s->open_or_opening() && s->connected() && s->in_transaction() && s->load() == 0) {
    auto undo = std::make_shared<exchange>();
    undo->steps.push_back(exchange::raw("ROLLBACK"));
    undo->until = runtime::steady_now() + 5s;
    s->submit(std::move(undo));
  }
  auto* const raw = s.get();
  raw->when_quiet([this, s = std::move(s), alive = std::weak_ptr(alive_)] {
    if (alive.expired()) return;
    if (s->open_or_opening() && s->connected() && s->in_transaction()) return give_back(s);
    pass_on(s);
  });
}

void loop_pool::pass_on(std::shared_ptr<session> s) {
  if (!s->open_or_opening()) {
    --writers_;
    serve_waiters();
  } else if (!waiters_.empty()) {
    const auto first = std::move(waiters_.front());
    waiters_.pop_front();
    first->given = std::move(s);
    first->wake.cancel();
  } else {
    idle_.push_back(std::move(s));
  }
  if (closer_) closer_->wake.cancel();
}

/// There is room for a connection again.
void loop_pool::serve_waiters() {
  while (!waiters_.empty() && writers_ < settings_.writers) {
    const auto first = std::move(waiters_.front());
    waiters_.pop_front();
    if (auto may = may_connect(); !may) {
      first->refused = may.error();
    } else {
      ++writers_;
      first->given = open(false);
    }
    first->wake.cancel();
  }
}

awaitable<void> loop_pool::close(loop_pool& self) {
  self.closing_ = true;
  const auto limit = runtime::steady_now() + 30s;
  while ((self.calls_ > 0 || self.idle_.size() < self.writers_) && runtime::steady_now() < limit) {
    self.closer_ = std::make_shared<waiter>(self.where_, limit);
    co_await self.closer_->wake.async_wait(use_tuple);
  }
  self.closer_.reset();
  const error why{errc::unavailable, "the database is closed"};
  for (const auto& sessions : {std::exchange(self.readers_, {}), std::exchange(self.idle_, {})})
    for (const auto& s : sessions) s->close(why);
}

}  // namespace distsys::adapters::postgres
