#include "answer_cache.hpp"

#include "distsys/runtime/clock.hpp"
#include "distsys/runtime/runtime.hpp"

#include <algorithm>

namespace distsys::roles::cache {
namespace {

constexpr std::size_t shards = 4;  // an answer may be as large as a quarter of the whole
constexpr std::size_t max_spelling_bytes = 512;
constexpr std::size_t front_bytes = 1u << 20;
// A front does not tell the map behind of each use; often enough that what is hot there stays hot here.
constexpr unsigned hits_a_touch = 64;

// By the wall clock, as the database compares it.
bool holds_expired(const answer& a) {
  return a.next_expiry != domain::geo::event_rows::never && runtime::now().time_since_epoch().count() >= a.next_expiry;
}

bool good(const answer& a, time_point now) { return a.renew > now && a.watch.valid() && !holds_expired(a); }

}  // namespace

answer_cache::answer_cache(std::size_t max_bytes, std::chrono::steady_clock::duration beyond, unsigned loops,
                           caching::eviction how)
    : beyond_(beyond), answers_(max_bytes, shards, how) {
  for (unsigned i = 0; i < loops; ++i) fronts_.push_back(std::make_unique<front>(std::min(front_bytes, max_bytes / 8)));
}

shared_answer answer_cache::find_spelling(std::string_view encoded_query, time_point now) {
  const int loop = runtime::runtime::this_loop();
  if (loop < 0) return nullptr;
  spelling* known = fronts_[static_cast<std::size_t>(loop)]->find(encoded_query, now);
  if (known == nullptr) return nullptr;
  shared_answer a = known->what.lock();
  if (!a || !good(*a, now)) return nullptr;
  if (++known->hits % hits_a_touch == 0) answers_.find(a->key, now);
  return a;
}

shared_answer answer_cache::find(std::string_view key, time_point now) {
  const auto found = answers_.find(key, now);
  if (!found) return nullptr;
  if (good(**found, now)) return *found;
  if (!(*found)->watch.valid()) forget(key);
  return nullptr;
}

bool answer_cache::holds(std::string_view key, time_point now) const {
  const auto found = answers_.peek(key, now);
  return found && good(**found, now);
}

shared_answer answer_cache::find_stale(std::string_view key, time_point now) {
  const auto found = answers_.find(key, now);
  return found && (*found)->watch.valid() && !holds_expired(**found) ? *found : nullptr;
}

void answer_cache::forget(std::string_view key) {
  if (answers_.erase(key)) dropped_.fetch_add(1, std::memory_order_relaxed);
}

void answer_cache::remember_spelling(std::string_view encoded_query, const shared_answer& a) {
  const int loop = runtime::runtime::this_loop();
  if (loop < 0 || encoded_query.size() > max_spelling_bytes) return;
  fronts_[static_cast<std::size_t>(loop)]->insert(encoded_query, spelling{a}, 0, a->renew);
}

bool answer_cache::keep(const shared_answer& a, time_point now) {
  if (a->renew <= now) return false;
  return answers_.insert_if([&a] { return a->watch.keepable(); }, a->key, a, a->heap_bytes(), a->expires + beyond_);
}

std::size_t answer_cache::sweep() {
  const std::size_t n = answers_.erase_if([](std::string_view, const shared_answer& a) { return !a->watch.valid(); });
  dropped_.fetch_add(n, std::memory_order_relaxed);
  return n;
}

std::vector<shared_answer> answer_cache::all_if(const std::function<bool(const answer&)>& wanted) {
  std::vector<shared_answer> all;
  answers_.erase_if([&all](std::string_view, const shared_answer& a) {
    if (a->watch.valid()) all.push_back(a);
    return false;
  });
  std::erase_if(all, [&wanted](const shared_answer& a) { return !wanted(*a); });
  return all;
}

}  // namespace distsys::roles::cache
