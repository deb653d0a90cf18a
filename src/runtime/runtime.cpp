#include "distsys/runtime/runtime.hpp"

#include "distsys/foundation/log.hpp"

#include <cstdlib>
#include <exception>

namespace distsys::runtime {
namespace {

thread_local int loop_of_this_thread = -1;

void run_loop(asio::io_context& context, int index) {
  loop_of_this_thread = index;
  try {
    context.run();
  } catch (const std::exception& e) {
    log::error("an exception escaped a handler", {{"loop", index}, {"what", e.what()}});
    std::_Exit(70);
  }
  loop_of_this_thread = -1;
}

}  // namespace

runtime::runtime(unsigned loops) {
  for (unsigned i = 0; i < (loops == 0 ? 1 : loops); ++i) {
    contexts_.push_back(std::make_unique<asio::io_context>(1));
    work_.emplace_back(contexts_.back()->get_executor());
  }
}

runtime::~runtime() {
  stop();
  for (auto& t : threads_) {
    if (t.joinable()) t.join();
  }
}

executor runtime::next_loop() noexcept { return loop(next_.fetch_add(1, std::memory_order_relaxed) % size()); }

void runtime::run() {
  for (unsigned i = 1; i < size(); ++i) {
    threads_.emplace_back([this, i] { run_loop(*contexts_[i], static_cast<int>(i)); });
  }
  run_loop(*contexts_[0], 0);
  for (auto& t : threads_) t.join();
  threads_.clear();
}

void runtime::stop() noexcept {
  for (auto& c : contexts_) c->stop();
}

int runtime::this_loop() noexcept { return loop_of_this_thread; }

}  // namespace distsys::runtime
