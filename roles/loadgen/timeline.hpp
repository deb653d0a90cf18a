// What happened in each part of a run: for graphs, and for the intervals of an HDR log.
#pragma once

#include "distsys/runtime/clock.hpp"
#include "tally.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace distsys::roles::loadgen {

/// One interval's share of a tally.
struct slice {
  std::uint64_t sent = 0, answers = 0, good = 0, failed = 0, server_errors = 0, hits = 0, misses = 0, bytes = 0;
  histogram::growth latency;

  void merge(const slice& other);
};

/// Intervals of equal length from the start of the counting; when there would be more than `most`, neighbours become
/// one and the interval doubles. Written by one thread.
class timeline {
 public:
  static constexpr std::size_t most = 600;
  using time_point = runtime::steady_clock::time_point;

  timeline(time_point start, std::chrono::nanoseconds interval) : start_(start), interval_(interval) {
    ends_ = start_ + interval_;
  }

  /// To be called with the time before what happened then is counted: closes the intervals that are over. Costs one
  /// comparison when none is.
  void advance(time_point now, const tally& t) {
    if (now >= ends_) close(now, t);
  }
  /// What was counted since the last interval was closed belongs to the one that `now` lies in.
  void finish(time_point now, const tally& t);

  std::chrono::nanoseconds interval() const noexcept { return interval_; }
  const std::vector<slice>& slices() const noexcept { return slices_; }
  /// Adds another lane's, of the same start.
  void merge(timeline other);

 private:
  void close(time_point now, const tally& t);
  void take(std::size_t index, const tally& t);
  void coarsen();

  time_point start_, ends_;
  std::chrono::nanoseconds interval_;
  std::size_t current_ = 0;
  std::vector<slice> slices_;
  slice taken_;  // what has been given to slices so far
  std::vector<std::uint64_t> latency_taken_;
};

/// A round interval of which at most 120 make `run`; 100 ms when it is not known how long that lasts.
std::chrono::nanoseconds interval_for(std::chrono::nanoseconds run) noexcept;

}  // namespace distsys::roles::loadgen
