// When the requests of an open loop are meant to be sent, as a user says it: phases in a row, or the times of a file.
#pragma once

#include "delay.hpp"
#include "distsys/foundation/error.hpp"

#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace distsys::roles::loadgen {

/// A stretch of time with one way of arriving. Times in seconds, rates in requests a second.
struct phase {
  enum class process : std::uint8_t { even, poisson, gaps, burst, silence };

  process how = process::even;
  double rate = 0, last_rate = 0;  // at its beginning and its end, in between a straight line; even and poisson
  delay gap;                       // gaps
  std::uint64_t burst = 0;         // how many at once
  double every = 0;                // burst
  double seconds = std::numeric_limits<double>::infinity();

  double mean_rate() const noexcept;
};

/// A value type; the times of a file are shared.
struct arrival_plan {
  std::vector<phase> phases;
  /// Instead of phases: microseconds from the start, ascending.
  std::shared_ptr<const std::vector<std::int64_t>> times;
  std::string text;  // for people

  bool empty() const noexcept { return phases.empty() && !times; }
  /// How long it lasts: infinite when its last phase has no end.
  double seconds() const noexcept;
  /// Over all of it, or of the last phase when that has no end.
  double mean_rate() const noexcept;
  /// Whether a time depends on chance.
  bool random() const noexcept;
  /// The same, after `seconds` of the load that it begins with. Times of a file stay as they are.
  arrival_plan after_warm_up(double seconds) const;
};

/// Phases joined by commas, each SHAPE:WHAT[@DURATION]; only the last may have no duration.
///   constant:500  poisson:500  constant:100-2000@30s  ramp:100-2000@30s  poisson:100-2000@30s
///   uniform:1s-3s  exponential:20ms  normal:20ms/5ms     gaps between one request and the next
///   burst:100/2s     100 at once, every 2 s              pause@5s
/// `constant` and `poisson` alone take `rate`. errc::invalid names the phase and what is wrong.
result<arrival_plan> parse_arrivals(std::string_view text, double rate);

/// A file of lines "TIME RATE" (from then on so many a second, until the next line) or "TIME" (of one request); times
/// are seconds or durations ("90s", "1.5"), '#' begins a comment. errc::invalid names the line.
result<arrival_plan> parse_schedule(std::string_view content, std::string_view name);

}  // namespace distsys::roles::loadgen
