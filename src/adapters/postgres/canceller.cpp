#include "canceller.hpp"

#include "distsys/foundation/metrics.hpp"

#include <boost/asio/post.hpp>

#include <pthread.h>

#include <array>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace distsys::adapters::postgres {

namespace {

using namespace std::chrono_literals;
constexpr std::size_t most_waiting = 256;
constexpr auto patience = 1s;  // with a request under way, at the end

}  // namespace

struct canceller::state {
  struct answer {
    executor where;
    std::function<void()> done;
  };
  struct job {
    std::shared_ptr<PGcancel> request;
    std::weak_ptr<const void> wanted;
    answer to;
  };

  std::mutex mutex;
  std::condition_variable changed;
  std::deque<job> waiting;
  std::optional<answer> under_way;  // here and not with the thread, so that it can be taken from it
  bool stopping = false, ended = false;
  std::thread thread;

  static void work(const std::shared_ptr<state>& self);
};

void canceller::state::work(const std::shared_ptr<state>& self) {
  pthread_setname_np(pthread_self(), "pg-cancel");
  std::unique_lock lock(self->mutex);
  for (;;) {
    self->changed.wait(lock, [&] { return self->stopping || !self->waiting.empty(); });
    if (self->stopping) break;
    job next = std::move(self->waiting.front());
    self->waiting.pop_front();
    if (next.wanted.expired()) continue;
    self->under_way = std::move(next.to);
    lock.unlock();
    std::array<char, 256> text{};
    PQcancel(next.request.get(), text.data(), static_cast<int>(text.size()));
    lock.lock();
    // Posted under the lock: whoever ends the canceller has the executor's context until then.
    if (auto to = std::exchange(self->under_way, std::nullopt)) asio::post(to->where, std::move(to->done));
  }
  self->ended = true;
  self->changed.notify_all();
}

canceller::canceller() : state_(std::make_shared<state>()) {
  state_->thread = std::thread([self = state_] { state::work(self); });
}

canceller::~canceller() {
  std::unique_lock lock(state_->mutex);
  state_->stopping = true;
  const auto dropped = std::exchange(state_->waiting, {});
  state_->changed.notify_all();
  const bool ended = state_->changed.wait_for(lock, patience, [this] { return state_->ended; });
  const auto taken = std::exchange(state_->under_way, std::nullopt);
  std::thread thread = std::move(state_->thread);
  lock.unlock();
  if (ended)
    thread.join();
  else
    thread.detach();
}

void canceller::cancel(PGconn* connection, std::weak_ptr<const void> wanted, const executor& where,
                       std::function<void()> done) {
  static metrics::counter& asked =
      metrics::get_counter("distsys_postgres_cancels_total", "Statements that the server was asked to end.");
  asked.add();
  std::shared_ptr<PGcancel> request(PQgetCancel(connection), PQfreeCancel);
  {
    const std::lock_guard lock(state_->mutex);
    if (request && state_->waiting.size() < most_waiting) {
      state_->waiting.push_back({std::move(request), std::move(wanted), {where, std::move(done)}});
      state_->changed.notify_all();
      return;
    }
  }
  asio::post(where, std::move(done));
}

}  // namespace distsys::adapters::postgres
