// Many callers that want the same thing at once share one load of it, on whatever loops they run.
#pragma once

#include "distsys/caching/wakeup.hpp"
#include "distsys/foundation/error.hpp"
#include "distsys/runtime/awaitable.hpp"
#include "distsys/runtime/clock.hpp"
#include "distsys/runtime/task_group.hpp"

#include <boost/asio/this_coro.hpp>

#include <cstddef>
#include <exception>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace distsys::caching {

/// Any loop may call. A load runs as a task of its own: a caller that is cancelled, or whose deadline passes, leaves
/// alone and harms nobody; the load goes on for the others and for what it stores. So a loader must bound itself.
template <class Value>
class single_flight {
 public:
  /// Made by the first caller; the coroutine it returns runs on that caller's loop and must own what it uses.
  using loader = std::function<awaitable<result<Value>>()>;

  struct outcome {
    result<Value> value;
    bool led = false;  // this call started the load
  };

  /// Loads are tasks of `group`, which must outlive this. More than `max_waiters` callers of one key: overloaded.
  single_flight(runtime::task_group& group, std::size_t max_waiters) : group_(group), max_waiters_(max_waiters) {}
  single_flight(const single_flight&) = delete;
  single_flight& operator=(const single_flight&) = delete;

  /// What the load of `key` that is under way, or else a new one, comes to: its value, or its error for every caller.
  /// errc::timeout at `limit`, errc::cancelled, errc::overloaded.
  awaitable<outcome> run(std::string key, loader load, runtime::deadline limit);

  std::size_t flights() const {
    const std::scoped_lock lock(mutex_);
    return flights_.size();
  }

 private:
  struct flight {
    std::vector<std::shared_ptr<wakeup>> waiters;  // one a caller that came; those that left are woken for nothing
    std::optional<result<Value>> value;            // set once, with the lock held
  };

  awaitable<void> fly(std::string key, std::shared_ptr<flight> mine, loader load);
  static awaitable<result<Value>> guarded(const loader& load);

  runtime::task_group& group_;
  const std::size_t max_waiters_;
  mutable std::mutex mutex_;
  std::unordered_map<std::string, std::shared_ptr<flight>> flights_;
};

template <class Value>
auto single_flight<Value>::run(std::string key, loader load, runtime::deadline limit) -> awaitable<outcome> {
  co_await asio::this_coro::throw_if_cancelled(false);
  const executor here = co_await asio::this_coro::executor;
  const auto waiter = std::make_shared<wakeup>(here);
  std::shared_ptr<flight> joined;
  bool led = false;
  {
    const std::scoped_lock lock(mutex_);
    auto [at, inserted] = flights_.try_emplace(key);
    if (inserted) at->second = std::make_shared<flight>();
    joined = at->second;
    led = inserted;
    if (joined->waiters.size() >= max_waiters_) {
      co_return outcome{error{errc::overloaded, "too many callers wait for one load"}, false};
    }
    joined->waiters.push_back(waiter);
  }
  if (led) group_.spawn(here, fly(std::move(key), joined, std::move(load)));
  const bool woken = co_await waiter->wait(limit);
  {
    const std::scoped_lock lock(mutex_);
    if (joined->value) co_return outcome{*joined->value, led};
  }
  const bool cancelled = !woken && runtime::steady_now() < limit;
  co_return outcome{cancelled ? error{errc::cancelled} : error{errc::timeout, "waited for a load under way"}, led};
}

template <class Value>
awaitable<void> single_flight<Value>::fly(std::string key, std::shared_ptr<flight> mine, loader load) {
  co_await asio::this_coro::throw_if_cancelled(false);
  result<Value> loaded = co_await guarded(load);
  std::vector<std::shared_ptr<wakeup>> waiters;
  {
    const std::scoped_lock lock(mutex_);
    mine->value.emplace(std::move(loaded));
    waiters.swap(mine->waiters);
    flights_.erase(key);
  }
  for (const auto& waiter : waiters) waiter->wake();
}

template <class Value>
awaitable<result<Value>> single_flight<Value>::guarded(const loader& load) {
  try {
    co_return co_await load();
  } catch (const std::exception& e) {
    co_return error{errc::internal, e.what()};
  }
}

}  // namespace distsys::caching
