#include "change_hub.hpp"

#include <utility>

namespace distsys::adapters::sqlite {

namespace {

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

}  // namespace distsys::adapters::sqlite
