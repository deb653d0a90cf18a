#include "distsys/ports/change_hub.hpp"

#include <utility>

namespace distsys::ports {

class hub_listener final : public change_listener {
 public:
  hub_listener(std::shared_ptr<wake_signal> signal, std::shared_ptr<const change_hub::announcements> announced)
      : signal_(std::move(signal)), announced_(std::move(announced)) {}
  awaitable<result<void>> wait(const call_context& context) override { return signal_->wait(context.deadline); }
  std::uint64_t announced() const noexcept override { return announced_->all.load(std::memory_order_acquire); }
  std::uint64_t announced_own() const noexcept override { return announced_->own.load(std::memory_order_acquire); }

 private:
  std::shared_ptr<wake_signal> signal_;
  std::shared_ptr<const change_hub::announcements> announced_;
};

void change_hub::wake(std::string_view channel) {
  const std::lock_guard lock(mutex_);
  for (const entry& e : listeners_)
    if (const auto signal = e.channel == channel ? e.signal.lock() : nullptr) signal->raise();
}

void change_hub::wake_all() {
  const std::lock_guard lock(mutex_);
  for (const entry& e : listeners_)
    if (const auto signal = e.signal.lock()) signal->raise();
}

std::unique_ptr<change_listener> change_hub::listen(std::string channel) {
  auto signal = std::make_shared<wake_signal>();
  const std::lock_guard lock(mutex_);
  std::erase_if(listeners_, [](const entry& e) { return e.signal.expired(); });
  listeners_.push_back({std::move(channel), signal});
  return std::make_unique<hub_listener>(std::move(signal), announced_);
}

bool change_hub::has_listeners() {
  const std::lock_guard lock(mutex_);
  std::erase_if(listeners_, [](const entry& e) { return e.signal.expired(); });
  return !listeners_.empty();
}

}  // namespace distsys::ports
