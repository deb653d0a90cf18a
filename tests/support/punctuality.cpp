#include "tests/support/punctuality.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>

namespace distsys::tests {

namespace {

// Handlers that may have to run one after the other between a driver's own timer and its caller.
constexpr int rounds_of_a_driver = 50;

}  // namespace

std::shared_ptr<punctuality::judge> punctuality::judge::begin(const executor& where, runtime::deadline d) {
  const bool endless = d > runtime::deadline::max() - allowance;
  auto made = std::make_shared<judge>(where, endless ? d : d + allowance);
  made->timer_.async_wait([made](const boost::system::error_code& ec) {
    if (!ec) made->let_the_loop_work(rounds_of_a_driver);
  });
  return made;
}

void punctuality::judge::let_the_loop_work(int rounds) {
  if (ended_) return;
  if (rounds == 0) {
    late_ = true;
    return;
  }
  asio::post(timer_.get_executor(), [self = shared_from_this(), rounds] { self->let_the_loop_work(rounds - 1); });
}

bool punctuality::judge::end() {
  ended_ = true;
  timer_.cancel();
  return late_;
}

void punctuality::note(bool late, std::chrono::steady_clock::duration beyond) {
  const std::lock_guard lock(mutex_);
  ++calls_;
  late_ += late ? 1 : 0;
  worst_ = std::max(worst_, beyond);
}

std::size_t punctuality::calls() const {
  const std::lock_guard lock(mutex_);
  return calls_;
}

std::size_t punctuality::late() const {
  const std::lock_guard lock(mutex_);
  return late_;
}

std::chrono::milliseconds punctuality::worst() const {
  const std::lock_guard lock(mutex_);
  return std::chrono::ceil<std::chrono::milliseconds>(worst_);
}

}  // namespace distsys::tests
