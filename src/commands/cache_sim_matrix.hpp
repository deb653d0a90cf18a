// Policies compared: every policy at every capacity and TTL on every trace.
#pragma once

#include "distsys/caching/eviction.hpp"
#include "src/commands/cache_sim_replay.hpp"
#include "src/commands/cache_sim_trace.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace distsys::commands {

/// A capacity as it was asked for: "1000", or "5%" of a trace's distinct keys, or of their bytes.
struct capacity_setting {
  std::uint64_t number = 0;  // 0: by per cent
  double percent = 0;
  std::uint64_t of(const trace& t) const noexcept;
};

struct comparison {
  std::vector<caching::eviction> policies;
  std::vector<capacity_setting> capacities;
  std::vector<std::uint64_t> ttls;  // in requests; 0: for ever
};

/// One trace with one TTL: a chart of the report.
struct comparison_panel {
  std::string trace_name;
  std::uint64_t requests = 0, distinct = 0, ttl = 0;
  bool by_bytes = false;
  struct row {
    std::uint64_t capacity = 0;
    std::vector<replay_counts> counts;  // one a policy
    std::size_t best() const noexcept;  // the first of the policies with the most hits
  };
  std::vector<row> rows;  // by capacity, ascending, none twice
};

std::vector<comparison_panel> compare(const trace& t, const comparison& c);

/// A table of one row a panel and capacity, the best of each marked with an asterisk.
std::string comparison_table(std::span<const comparison_panel> panels, std::span<const caching::eviction> policies);

}  // namespace distsys::commands
