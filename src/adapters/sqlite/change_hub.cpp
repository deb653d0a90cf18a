#include "change_hub.hpp"

#include <pthread.h>

#include <chrono>
#include <utility>

namespace distsys::adapters::sqlite {

namespace {

constexpr auto poll_interval = std::chrono::milliseconds(20);

class listener final : public ports::change_listener {
 public:
  listener(std::shared_ptr<ports::wake_signal> signal, std::shared_ptr<const std::atomic<std::uint64_t>> announced)
      : signal_(std::move(signal)), announced_(std::move(announced)) {}
  awaitable<result<void>> wait(const ports::call_context& context) override { return signal_->wait(context.deadline); }
  std::uint64_t announced() const noexcept override { return announced_->load(std::memory_order_acquire); }

 private:
  std::shared_ptr<ports::wake_signal> signal_;
  std::shared_ptr<const std::atomic<std::uint64_t>> announced_;
};

}  // namespace

change_hub::change_hub(const options& settings, std::function<void()> tick)
    : settings_(settings), tick_(std::move(tick)) {}

void change_hub::start() {
  thread_ = std::thread([this] { work(); });
}

change_hub::~change_hub() { stop(); }

void change_hub::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stop_requested_.notify_all();
  if (thread_.joinable()) thread_.join();
}

std::unique_ptr<ports::change_listener> change_hub::listen() {
  auto signal = std::make_shared<ports::wake_signal>();
  const std::lock_guard lock(mutex_);
  std::erase_if(listeners_, [](const auto& l) { return l.expired(); });
  listeners_.push_back(signal);
  return std::make_unique<listener>(std::move(signal), announced_);
}

void change_hub::wake() {
  const std::lock_guard lock(mutex_);
  for (const auto& weak : listeners_)
    if (const auto signal = weak.lock()) signal->raise();
}

bool change_hub::has_listeners() {
  const std::lock_guard lock(mutex_);
  std::erase_if(listeners_, [](const auto& l) { return l.expired(); });
  return !listeners_.empty();
}

void change_hub::work() {
  pthread_setname_np(pthread_self(), "sqlite-watch");
  std::unique_lock lock(mutex_);
  while (!stop_requested_.wait_for(lock, poll_interval, [this] { return stopping_; })) {
    lock.unlock();
    tick_();
    if (has_listeners()) poll();
    lock.lock();
  }
}

void change_hub::poll() {
  if (!watcher_) {
    // Until some writer has created the file there is nothing to see; afterwards everything may be new.
    auto opened = connection::open(settings_, connection::access::read);
    if (!opened) return;
    watcher_ = std::move(*opened);
    seen_version_ = 0;  // the version compares within one connection only
  }
  watcher_->limit(runtime::steady_now() + poll_interval, nullptr);
  const auto version = watcher_->data_version();
  if (!version) {
    if (watcher_->broken()) watcher_.reset();
    return;
  }
  if (std::exchange(seen_version_, *version) == *version) return;
  announce();
  wake();
}

}  // namespace distsys::adapters::sqlite
