#include "timeline.hpp"

#include <algorithm>
#include <array>
#include <utility>

namespace distsys::roles::loadgen {
namespace {

using namespace std::chrono_literals;

}  // namespace

void slice::merge(const slice& other) {
  sent += other.sent;
  answers += other.answers;
  good += other.good;
  failed += other.failed;
  server_errors += other.server_errors;
  hits += other.hits;
  misses += other.misses;
  bytes += other.bytes;
  histogram::growth both;
  both.reserve(latency.size() + other.latency.size());
  std::merge(latency.begin(), latency.end(), other.latency.begin(), other.latency.end(), std::back_inserter(both));
  latency.clear();
  for (const auto& [bucket, n] : both) {
    if (!latency.empty() && latency.back().first == bucket)
      latency.back().second += n;
    else
      latency.emplace_back(bucket, n);
  }
}

void timeline::take(std::size_t index, const tally& t) {
  slice now;
  now.sent = t.sent;
  now.answers = t.answers;
  now.good = t.good;
  now.failed = t.failed();
  now.server_errors = t.of_class(5);
  now.hits = t.hits;
  now.misses = t.misses;
  now.bytes = t.bytes;
  slice part;
  for (auto member : {&slice::sent, &slice::answers, &slice::good, &slice::failed, &slice::server_errors, &slice::hits,
                      &slice::misses, &slice::bytes}) {
    part.*member = now.*member - taken_.*member;
    taken_.*member = now.*member;
  }
  part.latency = t.latency.since(latency_taken_);
  if (slices_.size() <= index) slices_.resize(index + 1);
  slices_[index].merge(part);
}

void timeline::close(time_point now, const tally& t) {
  take(current_, t);
  current_ = static_cast<std::size_t>((now - start_) / interval_);
  while (current_ >= most) {
    coarsen();
    current_ = static_cast<std::size_t>((now - start_) / interval_);
  }
  slices_.resize(std::max(slices_.size(), current_));  // quiet intervals are intervals too
  ends_ = start_ + (current_ + 1) * interval_;
}

void timeline::finish(time_point now, const tally& t) {
  advance(now, t);
  take(current_, t);
}

void timeline::coarsen() {
  std::vector<slice> half((slices_.size() + 1) / 2);
  for (std::size_t i = 0; i < slices_.size(); ++i) half[i / 2].merge(slices_[i]);
  slices_ = std::move(half);
  interval_ *= 2;
}

void timeline::merge(timeline other) {
  while (other.interval_ < interval_) other.coarsen();
  while (interval_ < other.interval_) coarsen();
  if (slices_.size() < other.slices_.size()) slices_.resize(other.slices_.size());
  for (std::size_t i = 0; i < other.slices_.size(); ++i) slices_[i].merge(other.slices_[i]);
}

std::chrono::nanoseconds interval_for(std::chrono::nanoseconds run) noexcept {
  constexpr std::array<std::chrono::nanoseconds, 12> steps{10ms, 20ms, 50ms, 100ms, 200ms, 500ms,
                                                           1s,   2s,   5s,   10s,   30s,   60s};
  if (run <= 0ns) return 100ms;
  const auto fits = std::find_if(steps.begin(), steps.end(), [&](auto step) { return run / step <= 120; });
  return fits == steps.end() ? steps.back() : *fits;
}

}  // namespace distsys::roles::loadgen
