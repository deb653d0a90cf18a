#include "slots.hpp"

#include <algorithm>
#include <iterator>
#include <unordered_set>
#include <utility>

namespace distsys::roles::cache {

namespace geo = domain::geo;

slot_table::watch::watch(const watch& other) noexcept
    : counters_(other.counters_),
      slots_(other.slots_),
      fill_(other.fill_),
      checked_(other.checked_.load(std::memory_order_relaxed)) {}

slot_table::watch::watch(watch&& other) noexcept
    : counters_(other.counters_),
      slots_(std::move(other.slots_)),
      fill_(other.fill_),
      checked_(other.checked_.load(std::memory_order_relaxed)) {}

slot_table::watch& slot_table::watch::operator=(const watch& other) noexcept {
  if (this == &other) return *this;
  counters_ = other.counters_;
  slots_ = other.slots_;
  fill_ = other.fill_;
  checked_.store(other.checked_.load(std::memory_order_relaxed), std::memory_order_relaxed);
  return *this;
}

slot_table::watch& slot_table::watch::operator=(watch&& other) noexcept {
  counters_ = other.counters_;
  slots_ = std::move(other.slots_);
  fill_ = other.fill_;
  checked_.store(other.checked_.load(std::memory_order_relaxed), std::memory_order_relaxed);
  return *this;
}

bool slot_table::watch::valid() const noexcept {
  if (!slots_) return false;
  // Slots are marked before the generation grows: who sees the new number sees the marks.
  const std::uint64_t now = counters_->generation.load(std::memory_order_acquire);
  if (checked_.load(std::memory_order_relaxed) == now) return true;
  for (const auto& s : *slots_)
    if (s->touched.load(std::memory_order_acquire)) return false;
  checked_.store(now, std::memory_order_relaxed);
  return true;
}

bool slot_table::watch::current() const noexcept {
  return counters_ != nullptr && fill_ == counters_->fills.load(std::memory_order_acquire);
}

std::size_t slot_table::watch::heap_bytes() const noexcept {
  // Shared with every watch of the same quads; counted whole, because this may be the only one. The slot and its
  // control block, and its node and bucket in the table.
  constexpr std::size_t one = 16 + sizeof(slot) + 16 + 56 + 8;
  constexpr std::size_t list = 16 + sizeof(slots) + 32;
  return slots_ ? list + slots_->size() * (sizeof(std::shared_ptr<const slot>) + one) : 0;
}

slot_table::slot_table() : shards_(std::make_unique<shard[]>(shard_count)) {}

slot_table::shard& slot_table::shard_of(std::uint64_t code) noexcept {
  return shards_[(code * 0x9E3779B97F4A7C15ull >> 40) % shard_count];
}

void slot_table::sweep(shard& s) {
  std::erase_if(s.slots, [](const auto& entry) { return entry.second.use_count() == 1; });
  s.sweep_at = std::max<std::size_t>(1024, 2 * s.slots.size());
}

std::shared_ptr<const slot_table::slot> slot_table::slot_of(std::uint64_t code) {
  shard& s = shard_of(code);
  const std::scoped_lock lock(s.mutex);
  auto& found = s.slots[code];
  if (!found) {
    found = std::make_shared<slot>();
    const std::shared_ptr<const slot> held = found;  // a sweep may move it, and must not take it
    if (s.slots.size() >= s.sweep_at) sweep(s);
    return held;
  }
  return found;
}

slot_table::watch slot_table::take(std::span<const geo::quad> quads) {
  watch w;
  w.counters_ = &counters_;
  w.fill_ = fills();
  w.checked_.store(counters_.generation.load(std::memory_order_acquire), std::memory_order_relaxed);
  std::uint32_t levels = 0;
  for (const geo::quad& q : quads) levels |= std::uint32_t{1} << q.level();
  // Before the slots are in the table: a change that does not see the level came before this watch, and so before
  // what is going to be read.
  if ((levels_.load(std::memory_order_seq_cst) & levels) != levels) levels_.fetch_or(levels, std::memory_order_seq_cst);
  auto slots = std::make_shared<watch::slots>();
  slots->reserve(quads.size());
  for (const geo::quad& q : quads) slots->push_back(slot_of(q.code()));
  w.slots_ = std::move(slots);
  return w;
}

slot_table::watch slot_table::join(std::span<const watch* const> watches, std::uint64_t fill) const {
  watch w;
  w.counters_ = &counters_;
  w.fill_ = fill;
  auto slots = std::make_shared<watch::slots>();
  slots->reserve(watches.size());
  for (const watch* other : watches) {
    if (!other->slots_) return {};
    slots->insert(slots->end(), other->slots_->begin(), other->slots_->end());
  }
  w.slots_ = std::move(slots);
  return w;
}

void slot_table::touch(const geo::position& p) {
  const geo::cell_id cell = geo::cell_of(p);
  std::uint32_t levels = levels_.load(std::memory_order_seq_cst);
  for (unsigned level = 0; levels != 0; ++level, levels >>= 1) {
    if ((levels & 1) == 0) continue;
    const std::uint64_t code = geo::quad::of(cell, level).code();
    shard& s = shard_of(code);
    const std::scoped_lock lock(s.mutex);
    const auto found = s.slots.find(code);
    if (found == s.slots.end()) continue;
    found->second->touched.store(true, std::memory_order_release);
    s.slots.erase(found);
    touched_.fetch_add(1, std::memory_order_relaxed);
  }
  counters_.generation.fetch_add(1, std::memory_order_acq_rel);
}

template <class Predicate>
void slot_table::touch_if(Predicate wanted) {
  for (std::size_t i = 0; i < shard_count; ++i) {
    shard& s = shards_[i];
    const std::scoped_lock lock(s.mutex);
    const std::size_t erased = std::erase_if(s.slots, [&wanted](const auto& entry) {
      if (!wanted(entry.first, *entry.second)) return false;
      entry.second->touched.store(true, std::memory_order_release);
      return true;
    });
    touched_.fetch_add(erased, std::memory_order_relaxed);
  }
  counters_.generation.fetch_add(1, std::memory_order_acq_rel);
}

// Under the shards' mutexes, which requests take too: a search each, however many quads there are.
void slot_table::touch(std::span<const geo::quad> quads) {
  std::vector<geo::cell_range> wanted;
  wanted.reserve(quads.size());
  for (const geo::quad& q : quads) wanted.push_back(q.range());
  std::ranges::sort(wanted, {}, &geo::cell_range::first);
  std::size_t kept = 0;
  for (const geo::cell_range r : wanted) {
    if (kept > 0 && r.first <= wanted[kept - 1].last) {
      wanted[kept - 1].last = std::max(wanted[kept - 1].last, r.last);
    } else {
      wanted[kept++] = r;
    }
  }
  wanted.resize(kept);
  touch_if([&wanted](std::uint64_t code, const slot&) {
    const auto other = geo::quad::from_code(code);
    if (!other) return false;
    const geo::cell_range range = other->range();
    const auto next = std::ranges::upper_bound(wanted, range.last, {}, &geo::cell_range::first);
    return next != wanted.begin() && std::prev(next)->last >= range.first;
  });
}

void slot_table::touch(std::span<const watch* const> watches) {
  std::unordered_set<const slot*> wanted;
  for (const watch* w : watches)
    if (w->slots_)
      for (const auto& s : *w->slots_) wanted.insert(s.get());
  if (!wanted.empty()) touch_if([&wanted](std::uint64_t, const slot& s) { return wanted.contains(&s); });
}

void slot_table::clear() {
  touch_if([](std::uint64_t, const slot&) { return true; });
}

std::size_t slot_table::size() const {
  std::size_t n = 0;
  for (std::size_t i = 0; i < shard_count; ++i) {
    const std::scoped_lock lock(shards_[i].mutex);
    n += shards_[i].slots.size();
  }
  return n;
}

}  // namespace distsys::roles::cache
