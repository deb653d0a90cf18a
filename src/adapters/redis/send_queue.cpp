#include "send_queue.hpp"

#include <algorithm>
#include <utility>

namespace distsys::adapters::redis {
namespace {

// A write is a copy of what is small: of a part of the queue at a time. What is not in it waits for the next connection
// when this one breaks.
constexpr std::size_t most_of_a_batch = 4u << 20;

}  // namespace

void send_queue::push(std::shared_ptr<request> r) {
  if (ended_ > waiting_.size() / 2) sweep();
  count(static_cast<std::int64_t>(r->commands.bytes()));
  r->queue_ = this;
  waiting_.push_back(std::move(r));
}

std::shared_ptr<batch> send_queue::next(std::deque<std::shared_ptr<request>>& sent) {
  auto all = std::make_shared<batch>();
  std::vector<std::size_t> cuts;  // where in `small` the large ones stand
  const auto now = runtime::steady_now();
  while (!waiting_.empty() && all->bytes < most_of_a_batch) {
    const auto r = std::move(waiting_.front());
    waiting_.pop_front();
    if (!r->waited_for()) {
      --ended_;
      continue;
    }
    r->commands.write_to(all->small, [&](const ports::shared_bytes& value) {
      cuts.push_back(all->small.size());
      all->large.push_back(value);
    });
    all->bytes += r->commands.bytes();
    r->commands.clear();
    r->queue_ = nullptr;
    r->sent = now;
    sent.push_back(r);
  }
  if (all->bytes == 0) return nullptr;
  std::size_t from = 0;
  for (std::size_t i = 0; i < cuts.size(); ++i) {
    all->buffers.push_back(asio::buffer(all->small.data() + from, cuts[i] - from));
    all->buffers.push_back(asio::buffer(*all->large[i]));
    from = cuts[i];
  }
  all->buffers.push_back(asio::buffer(all->small.data() + from, all->small.size() - from));
  return all;
}

std::vector<std::shared_ptr<request>> send_queue::take() {
  sweep();
  std::vector<std::shared_ptr<request>> all(waiting_.begin(), waiting_.end());
  waiting_.clear();
  for (const auto& r : all) {
    count(-static_cast<std::int64_t>(r->commands.bytes()));
    r->queue_ = nullptr;
  }
  return all;
}

runtime::deadline send_queue::expire(runtime::deadline now, const error& why) {
  auto next = runtime::deadline::max();
  for (const auto& r : waiting_) {
    if (!r->waited_for()) continue;
    if (r->until <= now) {
      r->fail(why);
    } else {
      next = std::min(next, r->until);
    }
  }
  sweep();
  return next;
}

void send_queue::left(request& r) noexcept {
  count(-static_cast<std::int64_t>(r.commands.bytes()));
  r.commands.clear();
  r.queue_ = nullptr;
  ++ended_;
}

void send_queue::sweep() {
  if (ended_ == 0) return;
  std::erase_if(waiting_, [](const auto& r) { return !r->waited_for(); });
  ended_ = 0;
}

}  // namespace distsys::adapters::redis
