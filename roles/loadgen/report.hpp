// What a run found, for people and for programs.
#pragma once

#include "distsys/foundation/json.hpp"
#include "plan.hpp"
#include "tally.hpp"

#include <array>
#include <string>
#include <string_view>
#include <vector>

namespace distsys::roles::loadgen {

inline constexpr std::array<double, 8> shown_percentiles{50, 75, 90, 95, 99, 99.9, 99.99, 100};

struct report {
  tally counts;
  double seconds = 0;  // over which the rates are taken
  double busy = 0;     // of the busiest loop, 0 … 1
  unsigned loops = 1;
  bool interrupted = false;
  bool gave_up = false;

  double requests_per_second() const noexcept;
  double bytes_per_second() const noexcept;
  /// A loop had no time left; says nothing of a run under a second or one that reached nobody.
  bool saturated() const noexcept;
  /// Where the figures say less of the server than they seem to.
  std::vector<std::string> warnings(const plan& p) const;
};

/// A page for a terminal; escape sequences only where `colours`.
std::string as_text(const report& r, const plan& p, bool colours);
/// One object; README.md lists its members.
json::object as_json(const report& r, const plan& p);

// How figures are written, for the progress line too.
std::string grouped(std::uint64_t n);         // 1,234,567
std::string human_time(double microseconds);  // "634 us", "1.25 ms", "3.10 s"
std::string human_bytes(double bytes);        // "80.3 MB"
std::string fixed(double value, int decimals);

}  // namespace distsys::roles::loadgen
