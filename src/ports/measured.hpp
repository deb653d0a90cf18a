// What every public method of a port does around the driver's part.
#pragma once

#include "distsys/ports/health.hpp"
#include "distsys/runtime/awaitable.hpp"

#include <boost/asio/this_coro.hpp>

namespace distsys::ports {

inline bool cancelled(const asio::cancellation_state& state) noexcept {
  return state.cancelled() != asio::cancellation_type::none;
}

/// Why a call is not even made: its coroutine is cancelled, its deadline has passed, or its arguments are refused.
template <class Check>
result<void> admit(const asio::cancellation_state& state, const call_context& context, Check check) {
  if (cancelled(state)) return error{errc::cancelled};
  if (auto timely = call_monitor::check_deadline(context); !timely) return timely;
  return check();
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

}  // namespace distsys::ports

/// The body of a public method: measured around `expression`, which is the driver's awaitable, after `check`, a
/// callable that returns result<void>. A macro, because a helper coroutine would cost every call a third frame.
#define DISTSYS_PORT_CALL(operation, context, check, expression)                                          \
  co_await asio::this_coro::throw_if_cancelled(false);                                                    \
  call_monitor::call call_(calls_, operation);                                                            \
  if (auto admitted_ = admit(co_await asio::this_coro::cancellation_state, context, check); !admitted_) { \
    call_.refused(admitted_.error());                                                                     \
    co_return admitted_.error();                                                                          \
  }                                                                                                       \
  auto outcome_ = co_await (expression);                                                                  \
  finish(call_, outcome_);                                                                                \
  co_return outcome_
