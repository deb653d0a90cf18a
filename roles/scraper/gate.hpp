// At most N at once, first come first served; on one loop.
#pragma once

#include "distsys/runtime/awaitable.hpp"

#include <boost/asio/basic_waitable_timer.hpp>

#include <chrono>
#include <deque>
#include <utility>

namespace distsys::roles::scraper {

class gate {
 public:
  explicit gate(unsigned places) : free_(places) {}
  gate(const gate&) = delete;
  gate& operator=(const gate&) = delete;

  /// One place, given back when it is destroyed. Empty: none.
  class pass {
   public:
    pass() = default;
    pass(pass&& other) noexcept : gate_(std::exchange(other.gate_, nullptr)) {}
    pass& operator=(pass&& other) noexcept {
      std::swap(gate_, other.gate_);
      return *this;
    }
    ~pass() {
      if (gate_ != nullptr) gate_->leave();
    }
    explicit operator bool() const noexcept { return gate_ != nullptr; }

   private:
    friend class gate;
    explicit pass(gate* g) : gate_(g) {}
    gate* gate_ = nullptr;
  };

  /// Empty when cancelled before it was let in. The gate outlives its passes.
  awaitable<pass> enter();

 private:
  void leave();
  using timer =
      asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, executor>;
  struct waiter {
    timer bell;
    bool let_in = false;
  };
  unsigned free_;
  std::deque<waiter*> waiting_;  // each lives in its coroutine
};

}  // namespace distsys::roles::scraper
