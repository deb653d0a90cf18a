#include "schedule.hpp"

#include "distsys/foundation/text.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <string>

namespace distsys::roles::scraper {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds longest_patience = std::chrono::hours(24);

/// "Sun, 06 Nov 1994 08:49:37 GMT"
std::optional<runtime::timestamp> http_date(std::string_view text) {
  constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  if (text.size() != 29 || !text.ends_with(" GMT")) return std::nullopt;
  const auto month = std::find(months.begin(), months.end(), text.substr(8, 3));
  if (month == months.end()) return std::nullopt;
  const auto number = month - months.begin() + 1;
  const std::string rfc3339 = std::string(text.substr(12, 4)) + (number < 10 ? "-0" : "-") + std::to_string(number) +
                              "-" + std::string(text.substr(5, 2)) + "T" + std::string(text.substr(17, 8)) + "Z";
  const auto t = parse_time(rfc3339);
  return t ? std::optional(*t) : std::nullopt;
}

}  // namespace

milliseconds schedule::next(bool success, milliseconds at_least, runtime::random& random) {
  if (success) {
    failures_ = 0;
    const double jittered = static_cast<double>(interval_.count()) * random.uniform(0.9, 1.1);
    return std::max(at_least, milliseconds(static_cast<std::int64_t>(jittered)));
  }
  failures_ = std::min(failures_ + 1, 30u);
  const double base = std::max(1000.0, static_cast<double>(interval_.count()));
  const double most = static_cast<double>(std::max(longest_, milliseconds(1000)).count());
  const double delay = std::min(most, std::ldexp(base, static_cast<int>(failures_)));
  return std::max(at_least, milliseconds(static_cast<std::int64_t>(delay * random.uniform(0.5, 1.0))));
}

std::optional<milliseconds> parse_retry_after(std::string_view value, runtime::timestamp now) {
  value = trim(value);
  if (const auto seconds = parse_integer(value)) {
    if (*seconds < 0) return std::nullopt;
    return std::min(longest_patience, milliseconds(std::chrono::seconds(std::min<std::int64_t>(*seconds, 86'400))));
  }
  const auto date = http_date(value);
  if (!date) return std::nullopt;
  return std::clamp(milliseconds(*date - now), milliseconds(0), longest_patience);
}

}  // namespace distsys::roles::scraper
