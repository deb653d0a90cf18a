// What the metrics show of each loop's connections.
#pragma once

#include <atomic>
#include <cstdint>

namespace distsys::adapters::redis {

/// Written by its loop, read by a scrape.
struct alignas(64) loop_figures {
  std::atomic<std::int64_t> open{0};     // connections
  std::atomic<std::int64_t> pending{0};  // calls that wait for an answer, and those that nobody waits for any more
  std::atomic<std::int64_t> bytes{0};    // of commands, until they are written
};

/// One writer: no locked instruction is needed.
inline void add(std::atomic<std::int64_t>& figure, std::int64_t n) noexcept {
  figure.store(figure.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
}

}  // namespace distsys::adapters::redis
