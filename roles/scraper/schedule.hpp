// When to ask again: an interval with jitter, and after failures a capped exponential backoff. Pure.
#pragma once

#include "distsys/runtime/clock.hpp"
#include "distsys/runtime/random.hpp"

#include <chrono>
#include <optional>
#include <string_view>

namespace distsys::roles::scraper {

class schedule {
 public:
  /// `failures` in a row so far.
  schedule(std::chrono::milliseconds interval, std::chrono::milliseconds longest_backoff, unsigned failures = 0)
      : interval_(interval), longest_(longest_backoff), failures_(failures) {}

  /// After a success: the interval, ±10 %. After n failures in a row: between half and all of interval x 2^n (at least
  /// 1 s x 2^n), capped. Never less than `at_least`, which the source asked for.
  std::chrono::milliseconds next(bool success, std::chrono::milliseconds at_least, runtime::random& random);
  unsigned failures() const noexcept { return failures_; }

 private:
  std::chrono::milliseconds interval_, longest_;
  unsigned failures_;
};

/// Retry-After: seconds, or an HTTP date (RFC 9110, 5.6.7: IMF-fixdate). Nothing when it is neither; at most a day.
std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view value, runtime::timestamp now);

}  // namespace distsys::roles::scraper
