// Do calls end by their deadlines? Judged by the clock of the loop they run on: a machine that stalls delays the judge
// too.
#pragma once

#include "distsys/runtime/awaitable.hpp"
#include "distsys/runtime/clock.hpp"

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/this_coro.hpp>

#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <utility>

namespace distsys::tests {

/// Any thread.
class punctuality {
 public:
  /// What a call may take beyond its deadline.
  static constexpr std::chrono::milliseconds allowance{100};

  /// Waits for the call, on the loop of whoever awaits this. It is late when a timer of the same loop, set to the
  /// deadline and the allowance, has fired, the loop has done what was ready by then, and the call has not ended.
  template <class T>
  awaitable<T> watch(runtime::deadline d, awaitable<T> call) {
    co_await asio::this_coro::throw_if_cancelled(false);
    const auto referee = judge::begin(co_await asio::this_coro::executor, d);
    T answer = co_await std::move(call);
    note(referee->end(), runtime::steady_now() - d);
    co_return answer;
  }

  std::size_t calls() const;
  std::size_t late() const;
  /// The longest that one took beyond its deadline, by the machine's clock: for a reader, not for a verdict.
  std::chrono::milliseconds worst() const;

 private:
  class judge : public std::enable_shared_from_this<judge> {
   public:
    static std::shared_ptr<judge> begin(const executor& where, runtime::deadline d);
    judge(const executor& where, runtime::deadline d) : timer_(where, d) {}
    /// Was it too late? Ends the watch.
    bool end();

   private:
    void let_the_loop_work(int rounds);
    asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, executor>
        timer_;
    bool ended_ = false, late_ = false;
  };

  void note(bool late, std::chrono::steady_clock::duration beyond);

  mutable std::mutex mutex_;
  std::size_t calls_ = 0, late_ = 0;
  std::chrono::steady_clock::duration worst_{};
};

}  // namespace distsys::tests
