#include "answer_cache.hpp"

#include "distsys/runtime/runtime.hpp"

#include <algorithm>

namespace distsys::roles::cache {
namespace {

constexpr std::size_t shards = 8;  // an answer may be as large as an eighth of the whole
constexpr std::size_t max_recent = 4096;
constexpr std::size_t max_spelling_bytes = 512;
constexpr std::size_t front_bytes = 1u << 20;
// Comparing every answer with every change costs about 20 ns a pair; beyond this, dropping everything is kinder.
constexpr std::size_t max_pairs = 200'000;
// A front does not tell the map behind of each use; often enough that what is hot there stays hot here.
constexpr unsigned hits_a_touch = 64;

}  // namespace

answer_cache::answer_cache(std::size_t max_bytes, std::chrono::steady_clock::duration ttl, unsigned loops)
    : ttl_(ttl), answers_(max_bytes, shards) {
  for (unsigned i = 0; i < loops; ++i) fronts_.push_back(std::make_unique<front>(std::min(front_bytes, max_bytes / 8)));
}

shared_answer answer_cache::find_spelling(std::string_view encoded_query, time_point now) {
  const int loop = runtime::runtime::this_loop();
  if (loop < 0 || announced()) return nullptr;
  spelling* known = fronts_[static_cast<std::size_t>(loop)]->find(encoded_query, now);
  if (known == nullptr) return nullptr;
  shared_answer a = known->what.lock();
  if (!a || a->expires <= now || a->dropped.load(std::memory_order_acquire)) return nullptr;
  if (++known->hits % hits_a_touch == 0) answers_.find(a->key, now);
  return a;
}

shared_answer answer_cache::find(std::string_view key, time_point now) {
  if (announced()) return nullptr;
  return answers_.find(key, now).value_or(nullptr);
}

void answer_cache::remember_spelling(std::string_view encoded_query, const shared_answer& a) {
  const int loop = runtime::runtime::this_loop();
  if (loop < 0 || encoded_query.size() > max_spelling_bytes) return;
  fronts_[static_cast<std::size_t>(loop)]->insert(encoded_query, spelling{a}, 0, a->expires);
}

std::uint64_t answer_cache::begin_fill() const {
  const std::scoped_lock lock(mutex_);
  return forgotten_ + recent_.size();
}

bool answer_cache::outrun(std::uint64_t begun, const answer& a) const {
  const std::scoped_lock lock(mutex_);
  if (begun < forgotten_) return true;
  const auto first = recent_.begin() + static_cast<std::ptrdiff_t>(begun - forgotten_);
  return std::any_of(first, recent_.end(), [&a](const touch& t) { return touches(t, a); });
}

bool answer_cache::fill(std::uint64_t begun, const shared_answer& a) {
  if (ttl_ <= ttl_.zero()) return false;
  return answers_.insert_if([&] { return !outrun(begun, *a); }, a->key, a, a->heap_bytes(), a->expires);
}

void answer_cache::announce() noexcept {
  announced_.store(true, std::memory_order_release);
  epoch_.fetch_add(1, std::memory_order_acq_rel);
}

void answer_cache::apply(std::span<const touch> changes) {
  if (changes.empty()) return;
  if (answers_.read().entries * changes.size() > max_pairs) return clear();
  {
    // First here, then in the map: a fill sees the change here, or is seen by the sweep below.
    const std::scoped_lock lock(mutex_);
    recent_.insert(recent_.end(), changes.begin(), changes.end());
    while (recent_.size() > max_recent) {
      recent_.pop_front();
      ++forgotten_;
    }
  }
  const std::size_t erased = answers_.erase_if([changes](std::string_view, const shared_answer& a) {
    const bool hit = std::any_of(changes.begin(), changes.end(), [&a](const touch& t) { return touches(t, *a); });
    if (hit) a->dropped.store(true, std::memory_order_release);
    return hit;
  });
  dropped_.fetch_add(erased, std::memory_order_relaxed);
}

void answer_cache::clear() {
  {
    const std::scoped_lock lock(mutex_);
    forgotten_ += recent_.size() + 1;  // every fill under way loses
    recent_.clear();
  }
  const std::size_t erased = answers_.erase_if([](std::string_view, const shared_answer& a) {
    a->dropped.store(true, std::memory_order_release);
    return true;
  });
  dropped_.fetch_add(erased, std::memory_order_relaxed);
}

}  // namespace distsys::roles::cache
