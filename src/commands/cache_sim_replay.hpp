// Replays a key trace against an eviction policy: the policies are those of distsys/caching.
#pragma once

#include "distsys/caching/eviction.hpp"
#include "src/commands/cache_sim_trace.hpp"

#include <cstdint>

namespace distsys::commands {

struct replay_settings {
  caching::eviction how = caching::default_eviction;
  std::uint64_t capacity = 1;  // entries, or bytes of a trace with sizes
  std::uint64_t ttl = 0;       // an entry is found by this many requests after the one that brought it; 0: for ever
};

struct replay_counts {
  std::uint64_t hits = 0, misses = 0;
  double ratio() const noexcept {
    return hits + misses == 0 ? 0 : static_cast<double>(hits) / static_cast<double>(hits + misses);
  }
};

/// Cache-aside: what is missed is put in. The time is the number of the request. What is larger than the whole cache is
/// not kept.
replay_counts replay(const trace& t, const replay_settings& s);

}  // namespace distsys::commands
