// What a run found, for people and for programs.
#pragma once

#include "distsys/foundation/json.hpp"
#include "distsys/runtime/clock.hpp"
#include "plan.hpp"
#include "tally.hpp"
#include "timeline.hpp"

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace distsys::roles::loadgen {

inline constexpr std::array<double, 9> shown_percentiles{50, 75, 90, 95, 99, 99.9, 99.99, 99.999, 100};

/// One condition of --fail-if, judged.
struct threshold {
  std::string condition;
  bool failed = false;
  std::vector<judgement> parts;
};

/// What --find-max tried and found.
struct search_step {
  double rate = 0;
  std::string why;  // "doubled"
  bool held = false, valid = true;
  std::uint64_t p50 = 0, p99 = 0;  // microseconds
  double reached = 0;              // answers a second
  std::vector<std::string> notes;  // what did not hold
};
struct search_outcome {
  std::string condition;
  double rate = 0;  // 0: none held
  std::optional<double> failed_at;
  bool verified = false;
  bool generator_bound = false;  // the least rate that failed did so for the generator
  unsigned runs = 0, held = 0;   // of the rate found
  std::string ended;             // why the search ended, when it is not verified
  std::vector<search_step> steps;
};

struct report {
  tally counts;
  double seconds = 0;  // over which the rates are taken
  double busy = 0;     // of the busiest loop, 0 … 1
  unsigned loops = 1;
  std::chrono::nanoseconds max_send_lag = std::chrono::milliseconds(1);
  bool is_open = false;
  bool interrupted = false;
  bool gave_up = false;
  std::uint64_t warm_up_sent = 0, warm_up_answers = 0;
  runtime::timestamp began{};  // of the counting
  std::optional<timeline> line;
  std::optional<histogram> corrected_latency;    // closed loop, where a rate is implied
  std::chrono::nanoseconds expected_interval{};  // by which it was corrected
  std::vector<threshold> thresholds;
  std::optional<search_outcome> search;

  bool open() const noexcept { return is_open; }
  /// Latency from the moment of sending.
  const histogram& raw() const noexcept { return is_open ? counts.raw : counts.latency; }
  /// Latency that holds what was waited for sending: from the intended time, or corrected for an expected interval;
  /// nothing where no rate is implied.
  const histogram* corrected() const noexcept {
    return is_open ? &counts.latency : corrected_latency ? &*corrected_latency : nullptr;
  }
  /// Makes the corrected latency of a closed loop, when the plan implies an interval.
  void correct(const plan& p);
  void judge_thresholds(const plan& p);
  bool failed() const noexcept;

  double requests_per_second() const noexcept;
  double bytes_per_second() const noexcept;
  /// A loop had no time left; says nothing of a run under half a second or one that reached nobody.
  bool saturated() const noexcept;
  /// What the percentiles leave out, in words; empty when every request that was due has its answer.
  std::string unanswered_note() const;
  /// Why the figures say more of the generator than of the server; empty when they are valid.
  std::vector<std::string> invalid_because() const;
  /// Where the figures say less of the server than they seem to.
  std::vector<std::string> warnings(const plan& p) const;
};

inline constexpr double busiest_loop = 0.9;  // over it a loop counts as saturated

/// A page for a terminal; escape sequences only where `colours`.
std::string as_text(const report& r, const plan& p, bool colours);
/// One object; README.md lists its members.
json::object as_json(const report& r, const plan& p);

// How figures are written, for the progress line too.
std::uint64_t whole(double n);                // rounded; what is no number of things, as 0
std::string grouped(std::uint64_t n);         // 1,234,567
std::string human_time(double microseconds);  // "634 us", "1.25 ms", "3.10 s"
std::string human_bytes(double bytes);        // "80.3 MB"
std::string fixed(double value, int decimals);
std::string percentile_name(double percent);  // "99.9"

}  // namespace distsys::roles::loadgen
