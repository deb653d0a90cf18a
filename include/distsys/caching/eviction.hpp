// Which entry of a full cache goes: the policies by name.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

namespace distsys::caching {

/// What each of them does stands in its own header: queue_policies.hpp, lfu_policy.hpp, s3_fifo_policy.hpp,
/// w_tinylfu_policy.hpp.
enum class eviction : std::uint8_t { lru, lfu, fifo, s3_fifo, w_tinylfu };

/// As a user writes them in options and URLs; in the order of the enumeration.
inline constexpr std::array<std::string_view, 5> eviction_names{"lru", "lfu", "fifo", "s3-fifo", "w-tinylfu"};

constexpr std::string_view name_of(eviction e) noexcept { return eviction_names[static_cast<std::size_t>(e)]; }

constexpr std::optional<eviction> parse_eviction(std::string_view name) noexcept {
  for (std::size_t i = 0; i < eviction_names.size(); ++i) {
    if (eviction_names[i] == name) return static_cast<eviction>(i);
  }
  return std::nullopt;
}

/// Chosen on real traces: src/caching/README.md has the figures.
inline constexpr eviction default_eviction = eviction::lfu;

}  // namespace distsys::caching
