#include "distsys/runtime/task_group.hpp"

#include "distsys/foundation/log.hpp"

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

#include <cstdlib>
#include <list>
#include <mutex>

namespace distsys::runtime {
namespace {

using timer = asio::basic_waitable_timer<steady_clock, asio::wait_traits<steady_clock>, executor>;

void die_of(std::exception_ptr e) {
  try {
    std::rethrow_exception(e);
  } catch (const std::exception& x) {
    log::error("an exception escaped a task", {{"what", x.what()}});
  } catch (...) {
    log::error("an unknown exception escaped a task");
  }
  std::_Exit(70);
}

struct task {
  explicit task(executor e) : where(std::move(e)) {}
  executor where;
  asio::cancellation_signal signal;  // touched on `where` only
};

/// A waiter's timer lives in its coroutine and is cancelled on its own loop.
struct waiter {
  explicit waiter(executor e) : where(e), wake(e, deadline::max()) {}
  executor where;
  timer wake;
};

}  // namespace

struct task_group::state {
  std::function<void(std::exception_ptr)> on_exception;
  mutable std::mutex mutex;
  std::list<std::shared_ptr<task>> tasks;
  std::list<std::shared_ptr<waiter>> waiters;
  bool cancelled = false;

  bool is_cancelled() const {
    const std::lock_guard lock(mutex);
    return cancelled;
  }

  void finished(std::list<std::shared_ptr<task>>::iterator entry) {
    std::list<std::shared_ptr<waiter>> to_wake;
    {
      const std::lock_guard lock(mutex);
      tasks.erase(entry);
      if (tasks.empty()) to_wake.swap(waiters);
    }
    for (auto& w : to_wake) asio::post(w->where, [w] { w->wake.cancel(); });
  }
};

task_group::task_group(std::function<void(std::exception_ptr)> on_exception) : state_(std::make_shared<state>()) {
  state_->on_exception = on_exception ? std::move(on_exception) : die_of;
}

task_group::~task_group() {
  if (size() != 0) log::error("a task group was destroyed while tasks were running", {{"tasks", size()}});
}

void task_group::spawn(executor where, awaitable<void> work) {
  auto entry = std::make_shared<task>(where);
  std::list<std::shared_ptr<task>>::iterator position;
  {
    const std::lock_guard lock(state_->mutex);
    position = state_->tasks.insert(state_->tasks.end(), entry);
  }
  // Started by a post, so that the slot is connected and emitted to on its own loop only.
  asio::post(where, [group = state_, entry, position, work = std::move(work)]() mutable {
    asio::co_spawn(entry->where, std::move(work),
                   asio::bind_cancellation_slot(entry->signal.slot(), [group, entry, position](std::exception_ptr e) {
                     if (e) group->on_exception(e);
                     group->finished(position);
                   }));
    if (group->is_cancelled()) entry->signal.emit(asio::cancellation_type::terminal);
  });
}

void task_group::cancel() {
  std::list<std::shared_ptr<task>> running;
  {
    const std::lock_guard lock(state_->mutex);
    state_->cancelled = true;
    running = state_->tasks;
  }
  for (auto& t : running) asio::post(t->where, [t] { t->signal.emit(asio::cancellation_type::terminal); });
}

std::size_t task_group::size() const noexcept {
  const std::lock_guard lock(state_->mutex);
  return state_->tasks.size();
}

awaitable<void> task_group::wait() { co_await wait_until(deadline::max()); }

awaitable<bool> task_group::wait_until(deadline limit) {
  const auto group = state_;
  co_await asio::this_coro::throw_if_cancelled(false);
  auto self = std::make_shared<waiter>(co_await asio::this_coro::executor);
  {
    const std::lock_guard lock(group->mutex);
    if (group->tasks.empty()) co_return true;
    self->wake.expires_at(limit);
    group->waiters.push_back(self);
  }
  co_await self->wake.async_wait(use_tuple);
  const std::lock_guard lock(group->mutex);
  group->waiters.remove(self);
  const bool empty = group->tasks.empty();
  co_return empty;
}

}  // namespace distsys::runtime
