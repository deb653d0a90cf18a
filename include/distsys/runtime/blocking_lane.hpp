// One thread for calls that block (a database library, name resolution), with a bounded queue in front of it.
#pragma once

#include "distsys/foundation/error.hpp"
#include "distsys/runtime/awaitable.hpp"

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>

namespace distsys::runtime {

/// Jobs run in the order given. A hop costs about 50 us: batch. The destructor runs what is queued, then joins.
class blocking_lane {
 public:
  blocking_lane(std::string thread_name, std::size_t queue_limit);
  ~blocking_lane();
  blocking_lane(const blocking_lane&) = delete;
  blocking_lane& operator=(const blocking_lane&) = delete;

  /// Runs `job`, a callable that returns result<T>, on the lane and resumes the caller on its own loop. A full queue
  /// is errc::overloaded. A job that was given is not cancelled: it runs to its end.
  template <class Job>
  auto run(Job job) -> awaitable<std::invoke_result_t<Job&>>;

  /// Without waiting for it. False when the queue is full. Any thread.
  bool post(std::function<void()> job);

  std::size_t queued() const;

 private:
  void work();

  const std::size_t limit_;
  mutable std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<std::function<void()>> jobs_;
  bool stopping_ = false;
  std::thread thread_;
};

template <class Job>
auto blocking_lane::run(Job job) -> awaitable<std::invoke_result_t<Job&>> {
  using outcome = std::invoke_result_t<Job&>;
  struct call {
    Job job;
    outcome value{errc::overloaded};
  };
  auto shared = std::make_shared<call>(call{std::move(job)});
  const bool accepted = co_await asio::async_initiate<const asio::use_awaitable_t<executor>, void(bool)>(
      [this, shared](auto handler) {
        auto where = asio::get_associated_executor(handler);
        auto resume = std::make_shared<decltype(handler)>(std::move(handler));
        auto work = std::make_shared<asio::executor_work_guard<decltype(where)>>(where);
        const bool queued = post([shared, resume, work, where] {
          shared->value = shared->job();
          asio::post(where, [resume, work] { std::move (*resume)(true); });
        });
        if (!queued) asio::post(where, [resume] { std::move (*resume)(false); });
      },
      use_awaitable);
  if (!accepted) co_return outcome{error{errc::overloaded, "the queue of a blocking lane is full"}};
  co_return std::move(shared->value);
}

}  // namespace distsys::runtime
