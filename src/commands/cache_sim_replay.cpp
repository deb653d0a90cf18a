#include "src/commands/cache_sim_replay.hpp"

#include "distsys/caching/lfu_policy.hpp"
#include "distsys/caching/queue_policies.hpp"
#include "distsys/caching/s3_fifo_policy.hpp"
#include "distsys/caching/w_tinylfu_policy.hpp"

#include <algorithm>
#include <limits>
#include <vector>

namespace distsys::commands {
namespace {

struct entry : caching::policy_entry {
  bool inside = false;
  std::uint64_t expires = 0;
};

// Keys are numbers already: an entry a key is the index. The sketch and the ghosts want a hash of good bits.
std::uint64_t spread(std::uint64_t number) noexcept {
  number = (number + 1) * 0x9E3779B97F4A7C15u;
  number = (number ^ number >> 30) * 0xBF58476D1CE4E5B9u;
  number = (number ^ number >> 27) * 0x94D049BB133111EBu;
  return number ^ number >> 31;
}

template <class Policy>
class cache {
 public:
  cache(std::uint32_t keys, const replay_settings& s) : policy_(s.capacity), settings_(s), entries_(keys) {
    // No more is remembered than there are keys.
    policy_.reserve(std::min<std::uint64_t>(s.capacity, keys));
    for (std::uint32_t k = 0; k < keys; ++k) entries_[k].hash = spread(k);
  }

  void fetch(std::uint32_t key) const noexcept { __builtin_prefetch(&entries_[key]); }

  bool ask(std::uint32_t key, std::uint32_t weight, std::uint64_t now) {
    entry& e = entries_[key];
    if (e.inside) {
      if (now < e.expires) {
        policy_.use(e);
        return true;
      }
      policy_.remove(e);
      leave(e);
    }
    if (weight > settings_.capacity) return false;
    while (weight_ + weight > settings_.capacity) leave(static_cast<entry&>(*policy_.evict(weight)));
    e.weight = weight;
    e.inside = true;
    e.expires = settings_.ttl == 0 ? std::numeric_limits<std::uint64_t>::max() : now + settings_.ttl;
    weight_ += weight;
    policy_.admit(e);
    return false;
  }

 private:
  void leave(entry& e) noexcept {
    e.inside = false;
    weight_ -= e.weight;
  }

  Policy policy_;
  const replay_settings settings_;
  std::vector<entry> entries_;
  std::uint64_t weight_ = 0;
};

template <class Policy>
replay_counts run(const trace& t, const replay_settings& s) {
  constexpr std::size_t ahead = 12;
  cache<Policy> c(t.distinct, s);
  const std::size_t n = t.keys.size();
  std::uint64_t hits = 0;
  for (std::size_t i = 0; i < n; ++i) {
    c.fetch(t.keys[std::min(i + ahead, n - 1)]);
    hits += c.ask(t.keys[i], t.sizes.empty() ? 1 : t.sizes[i], i) ? 1 : 0;
  }
  return {hits, n - hits};
}

}  // namespace

replay_counts replay(const trace& t, const replay_settings& s) {
  switch (s.how) {
    case caching::eviction::lru:
      return run<caching::lru_policy>(t, s);
    case caching::eviction::lfu:
      return run<caching::lfu_policy>(t, s);
    case caching::eviction::fifo:
      return run<caching::fifo_policy>(t, s);
    case caching::eviction::s3_fifo:
      return run<caching::s3_fifo_policy>(t, s);
    case caching::eviction::w_tinylfu:
      return run<caching::w_tinylfu_policy>(t, s);
  }
  return {};
}

}  // namespace distsys::commands
