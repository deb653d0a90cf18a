// Of report.hpp: how figures are written, and what is worth a warning.
#include "report.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace distsys::roles::loadgen {

std::string fixed(double value, int decimals) {
  char text[64];
  const int n = std::snprintf(text, sizeof text, "%.*f", decimals, value);
  return {text, static_cast<std::size_t>(std::clamp(n, 0, 63))};
}

std::string grouped(std::uint64_t n) {
  std::string digits = std::to_string(n);
  for (std::size_t at = digits.size(); at > 3; at -= 3) digits.insert(at - 3, ",");
  return digits;
}

std::string human_time(double us) {
  if (us < 1000) return fixed(us, us < 10 && us != std::floor(us) ? 1 : 0) + " us";
  if (us < 1e6) return fixed(us / 1e3, us < 1e5 ? 2 : 1) + " ms";
  return fixed(us / 1e6, 2) + " s";
}

std::string human_bytes(double bytes) {
  constexpr const char* units[] = {"B", "kB", "MB", "GB", "TB"};
  std::size_t unit = 0;
  while (bytes >= 1000 && unit < 4) {
    bytes /= 1000;
    ++unit;
  }
  return fixed(bytes, unit == 0 ? 0 : bytes < 10 ? 2 : bytes < 100 ? 1 : 0) + " " + units[unit];
}

double report::requests_per_second() const noexcept {
  return seconds > 0 ? static_cast<double>(counts.answers - counts.after_end) / seconds : 0;
}

double report::bytes_per_second() const noexcept {
  return seconds > 0 ? static_cast<double>(counts.bytes) / seconds : 0;
}

bool report::saturated() const noexcept { return busy > 0.9 && seconds >= 1 && counts.answers > 0; }

std::vector<std::string> report::warnings(const plan& p) const {
  std::vector<std::string> w;
  if (gave_up) w.push_back("gave up: no connection could be made");
  if (saturated())
    w.push_back("the generator was the bottleneck or near it (a loop was busy " + fixed(100 * busy, 0) +
                " % of the time): more --threads may load the server more");
  if (p.rate <= 0) return w;
  const auto late = counts.lag.percentile(99);
  if (late > 1000)
    w.push_back("the generator sent late (p99 " + human_time(static_cast<double>(late)) +
                " after the intended time): the latencies hold its own delays");
  const double waited = counts.sent == 0 ? 0 : static_cast<double>(counts.waited) / static_cast<double>(counts.sent);
  if (waited > 0.01 || counts.unsent > 0)
    w.push_back(fixed(100 * waited, 1) + " % of the requests waited for a free connection and " +
                grouped(counts.unsent) +
                " were never sent: the server is too slow for this rate, or --connections too few");
  return w;
}

}  // namespace distsys::roles::loadgen
