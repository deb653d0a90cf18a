// What happened, counted by one loop and added up at the end.
#pragma once

#include "distsys/foundation/error.hpp"
#include "distsys/net/http_connection.hpp"
#include "distsys/runtime/clock.hpp"
#include "histogram.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace distsys::roles::loadgen {

/// Why a request has no answer.
enum class failure_kind : std::uint8_t { connect, write, read, closed_early, timeout, protocol };
inline constexpr std::size_t failure_kinds = 6;
std::string_view name(failure_kind k) noexcept;
failure_kind kind_of(const error& e, net::http_stage stage) noexcept;

/// One thread writes. Latencies in microseconds.
class tally {
 public:
  std::uint64_t sent = 0;
  std::uint64_t answers = 0;     // whole ones, of any status
  std::uint64_t good = 0;        // of them, status below 400
  std::uint64_t after_end = 0;   // of them, those that came after the time was over
  std::uint64_t unfinished = 0;  // under way when the run was stopped
  std::uint64_t unsent = 0;      // due in the open loop, but every connection was busy to the end
  bool unsent_more = false;      // there were more than that, which were not counted
  std::uint64_t sessions = 0;    // begun
  std::uint64_t waited = 0;      // of those sent in the open loop: no connection was free at the intended time
  std::uint64_t bytes = 0;       // heads and bodies received
  std::uint64_t hits = 0, misses = 0, uncached = 0;  // by Cache-Status
  std::array<std::uint64_t, 1000> statuses{};
  std::array<std::uint64_t, failure_kinds> failures{};
  std::array<std::string, failure_kinds> first_failure;  // in words
  histogram latency;                                     // open loop: from the intended time; closed loop: from sending
  histogram raw;                                         // open loop: from sending
  histogram connecting;
  histogram lag;  // open loop: how late the generator was although a connection was free
  runtime::steady_clock::time_point last_answer{};

  /// `since_sent` in the open loop only.
  void answer(const net::http_answer& a, std::chrono::nanoseconds took,
              std::optional<std::chrono::nanoseconds> since_sent);
  /// By RFC 9211: a hit when any cache on the way says so.
  void cache_status(std::string_view value) noexcept;
  void fail(failure_kind kind, const error& e);
  void merge(const tally& other);

  std::uint64_t failed() const noexcept;
  std::uint64_t unanswered() const noexcept;                 // due, and without an answer for whatever reason
  std::uint64_t of_class(unsigned hundreds) const noexcept;  // answers with a status of 400 … 499 for 4
  std::optional<double> hit_ratio() const noexcept;          // nothing without hits and misses
};

inline void tally::answer(const net::http_answer& a, std::chrono::nanoseconds took,
                          std::optional<std::chrono::nanoseconds> since_sent) {
  ++answers;
  good += a.status < 400;
  ++statuses[static_cast<std::size_t>(a.status)];
  bytes += a.head.size() + a.body_bytes;
  latency.record(static_cast<std::uint64_t>(took.count() / 1000));
  if (since_sent) raw.record(static_cast<std::uint64_t>(since_sent->count() / 1000));
}

}  // namespace distsys::roles::loadgen
