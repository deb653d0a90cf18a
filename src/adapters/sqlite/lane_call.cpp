#include "lane_call.hpp"

#include <algorithm>
#include <vector>

namespace distsys::adapters::sqlite {

void call_queue::push(std::shared_ptr<lane_call> call) {
  std::optional<error> refusal;
  {
    const std::lock_guard lock(mutex_);
    if (closed_) {
      refusal = closed_;
    } else if (calls_.size() >= limit_) {
      refusal = error{errc::overloaded, std::to_string(limit_) + " calls wait for the database already"};
    } else {
      calls_.push_back(call);
    }
  }
  if (refusal) return call->fail(*std::move(refusal));
  ready_.notify_one();
}

call_queue::wait_outcome call_queue::wait(runtime::deadline until) {
  std::unique_lock lock(mutex_);
  const auto done = [this] { return !calls_.empty() || closed_; };
  if (until == runtime::deadline::max()) {
    ready_.wait(lock, done);
  } else if (!ready_.wait_until(lock, until, done)) {
    return wait_outcome::timeout;
  }
  return calls_.empty() ? wait_outcome::finished : wait_outcome::ready;
}

std::shared_ptr<lane_call> call_queue::try_pop() {
  const std::lock_guard lock(mutex_);
  if (calls_.empty()) return nullptr;
  auto first = std::move(calls_.front());
  calls_.pop_front();
  return first;
}

std::shared_ptr<lane_call> call_queue::pop() {
  std::unique_lock lock(mutex_);
  ready_.wait(lock, [this] { return !calls_.empty() || closed_; });
  if (calls_.empty()) return nullptr;
  auto first = std::move(calls_.front());
  calls_.pop_front();
  return first;
}

bool call_queue::withdraw(const lane_call* call) {
  const std::lock_guard lock(mutex_);
  const auto found = std::ranges::find(calls_, call, &std::shared_ptr<lane_call>::get);
  if (found == calls_.end()) return false;
  calls_.erase(found);
  return true;
}

void call_queue::sweep() {
  std::vector<std::shared_ptr<lane_call>> late;
  {
    const std::lock_guard lock(mutex_);
    if (calls_.empty()) return;
    const auto now = runtime::steady_now();
    const auto is_late = [&](const auto& call) { return call->until() <= now; };
    std::ranges::copy_if(calls_, std::back_inserter(late), is_late);
    if (!late.empty()) std::erase_if(calls_, is_late);
  }
  for (const auto& call : late) call->fail({errc::timeout, "the deadline passed in the queue of the database"});
}

void call_queue::fail_all(const error& reason) {
  std::deque<std::shared_ptr<lane_call>> all;
  {
    const std::lock_guard lock(mutex_);
    all.swap(calls_);
  }
  for (const auto& call : all) call->fail(reason);
}

void call_queue::close(error reason) {
  {
    const std::lock_guard lock(mutex_);
    closed_ = std::move(reason);
  }
  ready_.notify_all();
}

bool call_queue::empty() const {
  const std::lock_guard lock(mutex_);
  return calls_.empty();
}

}  // namespace distsys::adapters::sqlite
