// What every public method of a port does around the driver's part.
#pragma once

#include "distsys/ports/health.hpp"
#include "distsys/runtime/awaitable.hpp"

#include <boost/asio/this_coro.hpp>

namespace distsys::ports {

inline bool cancelled(const asio::cancellation_state& state) noexcept {
  return state.cancelled() != asio::cancellation_type::none;
}

/// Why a call is not even made: its coroutine is cancelled, its deadline has passed, its arguments are refused, or the
/// backend is not asked for now.
template <class Check>
result<void> admit(const asio::cancellation_state& state, const call_context& context, Check check,
                   call_monitor::call& call, call_monitor::urgency how = call_monitor::urgency::ordinary) {
  if (cancelled(state)) return error{errc::cancelled};
  if (auto timely = call_monitor::check_deadline(context); !timely) return timely;
  if (auto sound = check(); !sound) return sound;
  return call.enter(how);
}

inline result<void> accept_all() { return {}; }

template <class T>
void finish(call_monitor::call& call, const result<T>& outcome) noexcept {
  if (outcome) {
    call.done(nullptr);
  } else {
    const error failure = outcome.error();
    call.done(&failure);
  }
}

template <class T>
std::optional<std::chrono::milliseconds> pause_before_retry(call_monitor::call& call, const result<T>& outcome) {
  if (outcome) return std::nullopt;
  return call.pause_before_retry(outcome.error());
}

}  // namespace distsys::ports

// Macros, because a helper coroutine would cost every call a third frame.
#define DISTSYS_PORT_ADMIT(operation, context, ...)                                                             \
  co_await asio::this_coro::throw_if_cancelled(false);                                                          \
  call_monitor::call call_(calls_, operation, context);                                                         \
  if (auto admitted_ = admit(co_await asio::this_coro::cancellation_state, context, __VA_ARGS__); !admitted_) { \
    call_.refused(admitted_.error());                                                                           \
    co_return admitted_.error();                                                                                \
  }

#define DISTSYS_PORT_FINISH(outcome) \
  finish(call_, outcome);            \
  co_return outcome

/// The body of a public method: measured around `expression`, which is the driver's awaitable, after `check`, a
/// callable that returns result<void>.
#define DISTSYS_PORT_CALL(operation, context, check, expression) \
  DISTSYS_PORT_ADMIT(operation, context, check, call_)           \
  auto outcome_ = co_await (expression);                         \
  DISTSYS_PORT_FINISH(outcome_)

/// The same for a call that asks whether the backend is there: an open breaker lets it through.
#define DISTSYS_PORT_PROBE(operation, context, expression)                                \
  DISTSYS_PORT_ADMIT(operation, context, accept_all, call_, call_monitor::urgency::probe) \
  auto outcome_ = co_await (expression);                                                  \
  DISTSYS_PORT_FINISH(outcome_)

/// The same for an idempotent call, which is tried again where the policy says so. `attempt(last)` returns the driver's
/// awaitable; the last one may give the arguments away.
#define DISTSYS_PORT_IDEMPOTENT_CALL(operation, context, check, attempt)                                   \
  DISTSYS_PORT_ADMIT(operation, context, check, call_)                                                     \
  for (;;) {                                                                                               \
    auto outcome_ = co_await attempt(call_.last_try());                                                    \
    const auto pause_ = pause_before_retry(call_, outcome_);                                               \
    if (pause_ && !co_await runtime::sleep_for(*pause_)) outcome_ = error{errc::cancelled};                \
    if (!pause_ || outcome_.error() == errc::cancelled || !call_.enter(call_monitor::urgency::ordinary)) { \
      DISTSYS_PORT_FINISH(outcome_);                                                                       \
    }                                                                                                      \
  }
