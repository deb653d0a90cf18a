#include "cell_cache.hpp"

#include "distsys/runtime/random.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

namespace distsys::roles::cache {
namespace {

namespace geo = domain::geo;

constexpr std::size_t shards = 8;  // a cell may be as large as an eighth of the whole
constexpr double jitter = 0.1;

/// A quad's code as the eight bytes that it is.
class cell_key {
 public:
  explicit cell_key(const geo::quad& q) noexcept {
    const std::uint64_t code = q.code();
    std::memcpy(bytes_.data(), &code, sizeof code);
  }
  std::string_view text() const noexcept { return {bytes_.data(), bytes_.size()}; }

 private:
  std::array<char, sizeof(std::uint64_t)> bytes_{};
};

}  // namespace

std::size_t cell::heap_bytes() const noexcept {
  return 32 + sizeof(cell) + watch.heap_bytes() + (rows ? 32 + sizeof(geo::event_rows) + rows->heap_bytes() : 0);
}

cell_cache::cell_cache(std::size_t max_bytes, const cell_lifetimes& lifetimes, caching::eviction how)
    : lifetimes_(lifetimes), cells_(max_bytes, shards, how) {}

time_point cell_cache::fresh_until(time_point now) const {
  const double share = runtime::thread_random().uniform(1 - jitter, 1 + jitter);
  return now + std::chrono::duration_cast<time_point::duration>(lifetimes_.ttl * share);
}

shared_cell cell_cache::find(const geo::quad& q, time_point now) {
  auto found = cells_.find(cell_key(q).text(), now);
  return found && (*found)->valid() ? std::move(*found) : nullptr;
}

shared_cell cell_cache::find_parent(const geo::quad& q, time_point now) {
  for (geo::quad larger = q; larger.level() > 0;) {
    larger = larger.parent();
    if ((levels_.load(std::memory_order_relaxed) >> larger.level() & 1) == 0) continue;
    if (auto found = find(larger, now); found && !found->split()) return found;
  }
  return nullptr;
}

shared_cell cell_cache::peek(const geo::quad& q, time_point now) const {
  auto found = cells_.peek(cell_key(q).text(), now);
  return found && (*found)->valid() ? std::move(*found) : nullptr;
}

shared_cell cell_cache::peek_parent(const geo::quad& q, time_point now) const {
  for (geo::quad larger = q; larger.level() > 0;) {
    larger = larger.parent();
    if (auto found = peek(larger, now); found && !found->split()) return found;
  }
  return nullptr;
}

bool cell_cache::keep(const shared_cell& c) {
  if (lifetimes_.ttl <= lifetimes_.ttl.zero()) return false;
  levels_.fetch_or(std::uint32_t{1} << c->where.level(), std::memory_order_relaxed);
  const auto beyond = std::max(lifetimes_.stale_while_revalidate, lifetimes_.stale_if_error);
  return cells_.insert_if([&c] { return c->split() || c->watch.keepable(); }, cell_key(c->where).text(), c,
                          c->heap_bytes(), c->fresh_until + beyond);
}

std::size_t cell_cache::drop(const geo::position& p) {
  const geo::cell_id id = geo::cell_of(p);
  std::size_t n = 0;
  std::uint32_t levels = levels_.load(std::memory_order_relaxed);
  for (unsigned level = 0; levels != 0; ++level, levels >>= 1) {
    if ((levels & 1) == 0) continue;
    const cell_key key(geo::quad::of(id, level));
    // A split cell stays: that it was split says nothing that a change could make untrue.
    const auto found = cells_.peek(key.text(), time_point::min());
    if (found && !(*found)->valid()) n += cells_.erase(key.text()) ? 1 : 0;
  }
  dropped_.fetch_add(n, std::memory_order_relaxed);
  return n;
}

std::vector<geo::quad> cell_cache::quads_if(const std::function<bool(const cell&)>& wanted) {
  std::vector<geo::quad> quads;
  cells_.erase_if([&](std::string_view, const shared_cell& c) {
    if (c->valid() && wanted(*c)) quads.push_back(c->where);
    return false;
  });
  return quads;
}

std::size_t cell_cache::sweep() {
  const std::size_t n = cells_.erase_if([](std::string_view, const shared_cell& c) { return !c->valid(); });
  dropped_.fetch_add(n, std::memory_order_relaxed);
  return n;
}

}  // namespace distsys::roles::cache
