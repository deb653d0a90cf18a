// Conditions over what a run found: 'p99<10ms && errors<0.1%'. Thresholds and the search for the highest rate use them.
#pragma once

#include "distsys/foundation/error.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace distsys::roles::loadgen {

struct report;

/// One comparison. Latencies in microseconds, ratios 0 … 1.
struct comparison {
  enum class metric : std::uint8_t {
    percentile,
    mean,
    max,
    min,
    deviation,  // latencies
    errors,
    client_errors,
    server_errors,  // requests without an answer, with 4xx, with 5xx: numbers, or ratios by '%'
    hit_ratio,
    busy,     // ratios
    rate,     // answers a second
    send_lag  // a latency: how late the generator was, p99
  };
  enum class view : std::uint8_t { usual, raw, corrected };
  enum class sign : std::uint8_t { less, less_or_equal, greater, greater_or_equal };

  metric what = metric::percentile;
  view of = view::usual;
  double percent = 0;  // of a percentile
  sign how = sign::less;
  double limit = 0;
  bool as_ratio = false;  // errors, client_errors, server_errors
  std::string text;

  bool holds(double measured) const noexcept;
  bool is_latency() const noexcept;
  bool is_ratio() const noexcept;
};

/// Comparisons that must all hold, joined by "&&" or commas: METRIC SIGN VALUE.
///   p50 … p99.999, mean, max, min, stddev, send_lag   with a duration; "raw." or "corrected." may stand before the
///                                                     first five
///   errors, 4xx, 5xx                                  a number of requests, or a share of those sent: 0.1%
///   hit_ratio, busy                                   80% or 0.8
///   rate                                              answers a second
struct condition {
  std::vector<comparison> all;
  std::string text;
};

/// errc::invalid says what is wrong with which part.
result<condition> parse_condition(std::string_view text);

/// What a run says of one comparison. A comparison of what was not measured (a hit ratio without Cache-Status, a
/// latency without an answer) does not hold, and says so. Requests that were due and have no answer count as slower
/// than every answer: a percentile among them was not measured, nor were mean, max and stddev when there is any.
struct judgement {
  bool known = false;
  bool holds = false;
  double measured = 0;
  std::string text;  // "p99 was 73.2 ms: not < 50 ms, 23.2 ms (46 %) over"
};
judgement judge(const comparison& c, const report& r);

}  // namespace distsys::roles::loadgen
