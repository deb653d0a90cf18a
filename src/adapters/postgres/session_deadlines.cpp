// session: deadlines and cancellation. One timer a connection looks at all that is under way.
#include "session.hpp"

#include <algorithm>

namespace distsys::adapters::postgres {

namespace {

using namespace std::chrono_literals;

// A write whose deadline has passed is cancelled by the server, most often: for its answer there is this much patience,
// and then the connection is closed.
constexpr auto grace = 80ms;
constexpr auto patience = 5s;              // with a write that was cancelled long before its deadline
constexpr auto patience_with_cancel = 5s;  // with a request to cancel: it could hit what is sent after it
constexpr auto patience_with_reads = 1s;  // that nobody waits for any more: a connection that stays silent is of no use

}  // namespace

void session::wake_at(runtime::deadline t) {
  if (t >= timer_set_) return;
  timer_set_ = t;
  timer_.expires_at(t);
  timer_.async_wait([self = shared_from_this()](const boost::system::error_code& ec) {
    if (ec || self->state_ == state::closed) return;
    self->timer_set_ = runtime::deadline::max();
    self->look_at_deadlines();
  });
}

void session::look_at_deadlines() {
  const auto self = shared_from_this();
  const auto now = runtime::steady_now();
  auto next = runtime::deadline::max();
  for (std::size_t i = pipeline_.size(); i-- > 0;) end_late(i, now, next);
  if (!pipeline_.empty() && pipeline_.at(0)->answered) {
    give_until(now + patience_with_reads);
    ask_server_to_cancel();
  }
  if (late_for_good(now)) receive();  // while this loop was busy an answer may have come
  if (state_ == state::closed) return;
  if (late_for_good(now)) return close({errc::unavailable, "the server did not answer in time"});
  if (cancelling_ && cancel_until_ <= now) return close({errc::unavailable, "a request to cancel was not taken"});
  if (cancelling_) next = std::min(next, cancel_until_);
  next = std::min(next, pipeline_.empty() ? runtime::deadline::max() : last_chance_);
  if (next != runtime::deadline::max()) wake_at(next);
  check_quiet();
}

/// The first exchange must end by then.
void session::give_until(runtime::deadline t) {
  const exchange* const first = pipeline_.at(0).get();
  if (std::exchange(last_chance_of_, first) != first) last_chance_ = runtime::deadline::max();
  last_chance_ = std::min(last_chance_, t);
}

/// A read is left by its caller, a write is ended by the server, and what was not sent yet never is.
void session::end_late(std::size_t i, runtime::deadline now, runtime::deadline& next) {
  const std::shared_ptr<exchange> e = pipeline_.at(i);
  if (e->answered) return;
  if (e->until > now) {
    next = std::min(next, e->until);
    return;
  }
  const bool sent = pipeline_.begun(i);
  if (!sent) {
    pipeline_.withdraw(e.get());
    e->fail({{errc::timeout, "the deadline passed before it was sent"}, {}, 0, false});
    return e->answer();
  }
  if (e->shared) {
    e->fail({{errc::timeout, "the deadline passed"}, {}, 0, false});
    return e->answer();
  }
  give_until(e->until + grace);
  ask_server_to_cancel();
}

void session::cancel(const std::shared_ptr<exchange>& e) {
  if (e->answered || state_ == state::closed) return;
  e->cancelled = true;
  if (pipeline_.withdraw(e.get()) || e->shared) {
    e->fail({{errc::cancelled, ""}, {}, 0, false});
    e->answer();
    wake_at(runtime::steady_now() + 20ms);  // it may be over by then
    return;
  }
  give_until(runtime::steady_now() + patience);
  wake_at(last_chance_);
  ask_server_to_cancel();
}

void session::ask_server_to_cancel() {
  if (cancelling_ || state_ != state::ready || pipeline_.commits_now()) return;  // a commit is not to be undone
  cancelling_ = true;
  cancel_until_ = runtime::steady_now() + patience_with_cancel;
  wake_at(cancel_until_);
  ++cancels_made_;
  still_open_ = std::make_shared<int>();
  around_.cancels->cancel(pipeline_.connection(), still_open_, around_.where, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    self->cancelling_ = false;
    if (self->state_ == state::ready) self->advance();
  });
}

}  // namespace distsys::adapters::postgres
