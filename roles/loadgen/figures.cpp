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

// Such a figure may come from a file: a cast of what does not fit is undefined.
std::uint64_t whole(double n) { return n > 0 && n < 1e18 ? static_cast<std::uint64_t>(std::llround(n)) : 0; }

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

bool report::saturated() const noexcept { return busy > busiest_loop && seconds >= 0.5 && counts.answers > 0; }

void report::correct(const plan& p) {
  if (is_open) return;
  if (p.expected_interval)
    expected_interval = *p.expected_interval;
  else if (p.think)
    expected_interval = std::chrono::nanoseconds(static_cast<std::int64_t>(p.think->mean() * 1e9));
  const auto us = static_cast<std::uint64_t>(expected_interval / std::chrono::microseconds(1));
  if (us > 0) corrected_latency = counts.latency.corrected(us);
}

void report::judge_thresholds(const plan& p) {
  for (const condition& c : p.fail_if) {
    threshold t{.condition = c.text, .failed = true};
    for (const comparison& one : c.all) {
      t.parts.push_back(judge(one, *this));
      // What was not measured must not pass for good.
      t.failed = t.failed && (t.parts.back().holds || !t.parts.back().known);
    }
    thresholds.push_back(std::move(t));
  }
}

bool report::failed() const noexcept {
  return std::any_of(thresholds.begin(), thresholds.end(), [](const threshold& t) { return t.failed; });
}

std::string report::unanswered_note() const {
  const std::uint64_t n = counts.unanswered();
  if (n == 0) return {};
  if (interrupted)
    return grouped(n) + (n == 1 ? " request has" : " requests have") + " no answer, some for the interrupt";
  return (counts.unsent_more ? "at least " : "") + grouped(n) + (n == 1 ? " request was" : " requests were") +
         " never answered; they are slower than any percentile shown";
}

std::vector<std::string> report::invalid_because() const {
  std::vector<std::string> why;
  if (saturated())
    why.push_back("the generator was the bottleneck or near it (a loop was busy " + fixed(100 * busy, 0) +
                  " % of the time): more --threads may load the server more");
  if (const auto late = counts.lag.percentile(99); is_open && std::chrono::microseconds(late) > max_send_lag)
    why.push_back("the generator sent late (p99 " + human_time(static_cast<double>(late)) +
                  " after the intended time): the latencies hold its own delays");
  return why;
}

std::vector<std::string> report::warnings(const plan& p) const {
  std::vector<std::string> w;
  if (gave_up) w.push_back("gave up: no connection could be made");
  for (const std::string& why : invalid_because()) w.push_back(why);
  w.insert(w.end(), p.notes.begin(), p.notes.end());
  if (!is_open) return w;
  const double waited = counts.sent == 0 ? 0 : static_cast<double>(counts.waited) / static_cast<double>(counts.sent);
  if (waited > 0.01 || counts.unsent > 0)
    w.push_back(fixed(100 * waited, 1) + " % of the requests waited for a free connection and " +
                (counts.unsent_more ? "at least " : "") + grouped(counts.unsent) +
                " were never sent: the server is too slow for this rate, or --connections too few");
  return w;
}

}  // namespace distsys::roles::loadgen
