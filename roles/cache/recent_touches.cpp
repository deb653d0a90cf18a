#include "recent_touches.hpp"

#include <algorithm>
#include <limits>
#include <mutex>
#include <ranges>

namespace distsys::roles::cache {

namespace geo = domain::geo;

void recent_touches::begin_at(std::int64_t sequence) {
  const std::scoped_lock lock(mutex_);
  entries_.clear();
  floor_ = last_ = sequence;
}

void recent_touches::add(std::span<const geo::change_touch> touches) {
  const std::scoped_lock lock(mutex_);
  for (const auto& t : touches) {
    if (t.sequence != last_ + 1) {
      entries_.clear();
      floor_ = t.sequence - 1;
    }
    last_ = t.sequence;
    const geo::cell_id at = geo::cell_of(t.at);
    entries_.push_back({t.sequence, at, t.previous ? geo::cell_of(*t.previous) : at});
    if (entries_.size() <= capacity_) continue;
    floor_ = entries_.front().sequence;
    entries_.pop_front();
  }
}

std::vector<bool> recent_touches::untouched(std::span<const question> asked) const {
  struct part {
    geo::cell_range range;
    std::size_t index;
  };
  std::vector<part> parts;
  parts.reserve(asked.size());
  std::int64_t oldest = std::numeric_limits<std::int64_t>::max();
  for (std::size_t i = 0; i < asked.size(); ++i) {
    parts.push_back({asked[i].where.range(), i});
    oldest = std::min(oldest, asked[i].sequence);
  }
  std::ranges::sort(parts, {}, [](const part& p) { return p.range.first; });
  std::vector<bool> holds(asked.size(), true);
  const auto judge = [&](geo::cell_id cell, std::int64_t sequence) {
    const auto next = std::ranges::upper_bound(parts, cell, {}, [](const part& p) { return p.range.first; });
    if (next == parts.begin()) return;
    const part& p = *std::prev(next);
    if (cell <= p.range.last && sequence > asked[p.index].sequence) holds[p.index] = false;
  };
  const std::shared_lock lock(mutex_);
  for (std::size_t i = 0; i < asked.size(); ++i) holds[i] = asked[i].sequence >= floor_ && asked[i].sequence <= last_;
  for (const entry& e : std::views::reverse(entries_)) {
    if (e.sequence <= oldest) break;
    judge(e.at, e.sequence);
    if (e.previous != e.at) judge(e.previous, e.sequence);
  }
  return holds;
}

std::int64_t recent_touches::floor() const {
  const std::shared_lock lock(mutex_);
  return floor_;
}

}  // namespace distsys::roles::cache
