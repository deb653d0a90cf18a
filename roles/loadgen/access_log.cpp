#include "access_log.hpp"

#include "distsys/foundation/text.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <map>

namespace distsys::roles::loadgen {
namespace {

constexpr std::size_t most_lines = 10'000'000, most_complaints = 5, longest_target = 8192;
constexpr int first_year = 1990, last_year = 2100;  // a time beyond is a broken clock's, and no replay waits for it

error bad(std::string why) { return {errc::invalid, std::move(why)}; }

std::optional<int> digits(std::string_view text, std::size_t at, std::size_t n) {
  if (at + n > text.size()) return std::nullopt;
  int value = 0;
  for (const char c : text.substr(at, n)) {
    if (c < '0' || c > '9') return std::nullopt;
    value = value * 10 + (c - '0');
  }
  return value;
}

/// "10/Oct/2000:13:55:36 -0700" into Unix time.
std::optional<std::int64_t> log_time(std::string_view t) {
  using namespace std::chrono;
  static constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                           "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  if (t.size() != 26 || t[2] != '/' || t[6] != '/' || t[11] != ':' || t[14] != ':' || t[17] != ':' || t[20] != ' ')
    return std::nullopt;
  const auto month_at = std::find(months.begin(), months.end(), t.substr(3, 3));
  const auto d = digits(t, 0, 2), y = digits(t, 7, 4), h = digits(t, 12, 2), m = digits(t, 15, 2), s = digits(t, 18, 2);
  const auto zone_h = digits(t, 22, 2), zone_m = digits(t, 24, 2);
  if (month_at == months.end() || !d || !y || !h || !m || !s || !zone_h || !zone_m) return std::nullopt;
  if (*h > 23 || *m > 59 || *s > 60 || *zone_h > 14 || *zone_m > 59 || (t[21] != '+' && t[21] != '-'))
    return std::nullopt;
  const year_month_day date{year{*y}, month{static_cast<unsigned>(month_at - months.begin() + 1)},
                            day{static_cast<unsigned>(*d)}};
  if (!date.ok() || *y < first_year || *y > last_year) return std::nullopt;
  const seconds zone = (t[21] == '-' ? -1 : 1) * (hours(*zone_h) + minutes(*zone_m));
  const auto at = sys_days(date) + hours(*h) + minutes(*m) + seconds(*s) - zone;
  return at.time_since_epoch() / seconds(1);
}

// Where the quoted request ends: a backslash hides a quote, as Apache writes them.
std::size_t closing_quote(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\')
      ++i;
    else if (text[i] == '"')
      return i;
  }
  return std::string_view::npos;
}

/// The path and query of what stood in the request line; a proxy's log has the whole URL.
std::string_view origin_form(std::string_view target) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!target.starts_with(scheme)) continue;
    const std::size_t slash = target.find('/', scheme.size());
    return slash == std::string_view::npos ? "/" : target.substr(slash);
  }
  return target;
}

}  // namespace

result<logged_request> parse_log_line(std::string_view line) {
  const std::size_t open = line.find('['), close = line.find(']', open);
  if (open == std::string_view::npos || close == std::string_view::npos) return bad("no time in brackets");
  logged_request r;
  const auto time = log_time(line.substr(open + 1, close - open - 1));
  if (!time) return bad("the time is not like 10/Oct/2000:13:55:36 -0700, from 1990 to 2100");
  r.second = *time;
  const std::size_t quote = line.find('"', close);
  if (quote == std::string_view::npos) return bad("no request in quotes");
  std::string_view request = line.substr(quote + 1);
  const std::size_t end = closing_quote(request);
  if (end == std::string_view::npos) return bad("the quotes of the request do not close");
  request = request.substr(0, end);
  const std::size_t space = request.find(' ');
  if (space == std::string_view::npos) return bad("the request is no method and path");
  r.method = request.substr(0, space);
  r.target = request.substr(space + 1);
  if (const std::size_t version = r.target.rfind(" HTTP/"); version != std::string_view::npos)
    r.target = r.target.substr(0, version);
  const bool letters = std::all_of(r.method.begin(), r.method.end(), [](char c) { return c >= 'A' && c <= 'Z'; });
  if (r.method.empty() || !letters || r.method == "CONNECT") return bad("the method cannot be sent");
  r.target = origin_form(r.target);
  if (!r.target.starts_with('/') || r.target.size() > longest_target) return bad("the path cannot be asked for");
  return r;
}

result<access_log> parse_access_log(std::string_view content, std::string_view name) {
  struct item {
    std::int64_t second;
    std::uint32_t line, request;
  };
  access_log log;
  std::vector<item> items;
  std::map<std::pair<std::string_view, std::string_view>, std::uint32_t> known;
  std::size_t number = 0;
  for (std::size_t begin = 0; begin < content.size();) {
    const std::size_t end = std::min(content.find('\n', begin), content.size());
    const std::string_view line = trim(content.substr(begin, end - begin));
    begin = end + 1;
    if (++number > most_lines) return error{errc::too_large, std::string(name) + " is over 10,000,000 lines"};
    if (line.empty()) continue;
    const auto r = parse_log_line(line);
    if (!r) {
      if (++log.bad_lines <= most_complaints)
        log.complaints.push_back(std::string(name) + ":" + std::to_string(number) + ": " + r.error().detail);
      continue;
    }
    const auto [at, added] = known.try_emplace({r->method, r->target}, static_cast<std::uint32_t>(log.requests.size()));
    if (added) log.requests.emplace_back(r->method, r->target);
    items.push_back({r->second, static_cast<std::uint32_t>(number), at->second});
  }
  if (items.empty()) {
    const std::string why = log.complaints.empty() ? "it is empty" : log.complaints.front();
    return error{errc::invalid, std::string(name) + " has no line that can be replayed: " + why};
  }
  // A line is written when its answer is done, so neighbours may be out of order.
  std::sort(items.begin(), items.end(),
            [](const item& a, const item& b) { return a.second != b.second ? a.second < b.second : a.line < b.line; });
  for (std::size_t i = 0; i < items.size();) {
    std::size_t same = i;
    while (same < items.size() && items[same].second == items[i].second) ++same;
    const std::int64_t from = (items[i].second - items.front().second) * 1'000'000;
    const auto n = static_cast<std::int64_t>(same - i);
    for (std::int64_t k = 0; k < n; ++k)
      log.entries.push_back({from + k * 1'000'000 / n, items[i + static_cast<std::size_t>(k)].request});
    i = same;
  }
  return log;
}

}  // namespace distsys::roles::loadgen
