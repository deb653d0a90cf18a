// Ends what takes too long while a connection is made: there, one timer a step is cheap.
#pragma once

#include "distsys/runtime/awaitable.hpp"
#include "distsys/runtime/clock.hpp"

#include <boost/asio/basic_waitable_timer.hpp>

#include <functional>
#include <memory>
#include <utility>

namespace distsys::adapters::redis {

using timer = asio::basic_waitable_timer<runtime::steady_clock, asio::wait_traits<runtime::steady_clock>, executor>;

/// Used on its loop only. Calls `end` at the limit, unless it is destroyed before.
class time_limit {
 public:
  time_limit(executor loop, runtime::deadline limit, std::function<void()> end)
      : state_(std::make_shared<state>(loop, limit, std::move(end))) {
    state_->wake.async_wait([s = state_](boost::system::error_code ec) {
      if (ec || !s->end) return;
      s->late = true;
      s->end();
    });
  }
  ~time_limit() {
    state_->end = nullptr;
    state_->wake.cancel();
  }
  time_limit(const time_limit&) = delete;
  time_limit& operator=(const time_limit&) = delete;

  bool late() const noexcept { return state_->late; }

 private:
  struct state {
    state(executor loop, runtime::deadline limit, std::function<void()> e) : wake(loop, limit), end(std::move(e)) {}
    timer wake;
    std::function<void()> end;
    bool late = false;
  };
  std::shared_ptr<state> state_;
};

}  // namespace distsys::adapters::redis
