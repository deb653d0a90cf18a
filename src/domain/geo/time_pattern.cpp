#include "time_pattern.hpp"

#include "distsys/foundation/text.hpp"
#include "record.hpp"

#include <array>

namespace distsys::domain::geo::codec {
namespace {

constexpr std::string_view known_directives = "YymdebBhaAHIpMSfznt%";
constexpr std::size_t longest_pattern = 128;

error wrong(std::string what) { return {errc::invalid, std::move(what)}; }

bool digit(char c) noexcept { return c >= '0' && c <= '9'; }
bool space(char c) noexcept { return c == ' ' || (c >= '\t' && c <= '\r'); }

/// Reads from the front of a text; once something was wrong, nothing is right any more.
class scanner {
 public:
  explicit scanner(std::string_view text) : rest_(text) {}

  bool good() const noexcept { return good_; }
  bool at_end() const noexcept { return rest_.empty(); }
  void fail() noexcept { good_ = false; }
  void skip_spaces() {
    while (!rest_.empty() && space(rest_.front())) rest_.remove_prefix(1);
  }
  void literal(char c) {
    if (good_ && !rest_.empty() && rest_.front() == c)
      rest_.remove_prefix(1);
    else
      fail();
  }
  /// One to `most` digits.
  int number(std::size_t most, int low, int high) {
    int n = 0;
    std::size_t count = 0;
    for (; count < most && count < rest_.size() && digit(rest_[count]); ++count) n = n * 10 + (rest_[count] - '0');
    rest_.remove_prefix(count);
    if (count == 0 || n < low || n > high) fail();
    return n;
  }
  int exactly(std::size_t digits, int low, int high) {
    const auto before = rest_.size();
    const int n = number(digits, low, high);
    if (before - rest_.size() != digits) fail();
    return n;
  }
  /// The fraction of a second, to milliseconds.
  std::chrono::milliseconds fraction() {
    int n = 0, scale = 100, count = 0;
    for (; !rest_.empty() && digit(rest_.front()) && count < 9; ++count, scale /= 10, rest_.remove_prefix(1))
      n += (rest_.front() - '0') * scale;
    if (count == 0) fail();
    return std::chrono::milliseconds(n);
  }
  /// Which of the names it begins with, in full or by three letters.
  template <std::size_t N>
  unsigned name(const std::array<std::string_view, N>& names) {
    for (unsigned i = 0; i < N; ++i) {
      for (const auto& candidate : {names[i], names[i].substr(0, 3)}) {
        if (!equal_ignoring_case(rest_.substr(0, candidate.size()), candidate)) continue;
        rest_.remove_prefix(candidate.size());
        return i;
      }
    }
    fail();
    return 0;
  }
  /// "Z", "UTC", "GMT", "+05:30", "-0400", "+2".
  std::chrono::minutes zone() {
    for (const std::string_view word : {"UTC", "GMT", "Z"}) {
      if (!equal_ignoring_case(rest_.substr(0, word.size()), word)) continue;
      rest_.remove_prefix(word.size());
      return {};
    }
    const bool west = rest_.starts_with('-');
    if (!west && !rest_.starts_with('+')) fail();
    if (!good_) return {};
    rest_.remove_prefix(1);
    const int h = number(2, 0, 23);
    if (rest_.starts_with(':')) rest_.remove_prefix(1);
    const int m = !rest_.empty() && digit(rest_.front()) ? exactly(2, 0, 59) : 0;
    const std::chrono::minutes offset(h * 60 + m);
    return west ? -offset : offset;
  }

 private:
  std::string_view rest_;
  bool good_ = true;
};

constexpr std::array<std::string_view, 12> months{"January",   "February", "March",    "April",
                                                  "May",       "June",     "July",     "August",
                                                  "September", "October",  "November", "December"};
constexpr std::array<std::string_view, 7> days{"Sunday",   "Monday", "Tuesday", "Wednesday",
                                               "Thursday", "Friday", "Saturday"};

/// What has been read so far.
struct fields {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  std::chrono::milliseconds fraction{0};
  std::optional<bool> afternoon;
  std::optional<std::chrono::minutes> zone;

  std::optional<timestamp> time(const time_zone& otherwise) const {
    using namespace std::chrono;
    const year_month_day date{std::chrono::year{year}, std::chrono::month{static_cast<unsigned>(month)},
                              std::chrono::day{static_cast<unsigned>(day)}};
    if (!date.ok()) return std::nullopt;
    const int h = afternoon ? hour % 12 + (*afternoon ? 12 : 0) : hour;
    const timestamp local = sys_days(date) + hours(h) + minutes(minute) + seconds(second) + fraction;
    return zone ? local - *zone : otherwise.to_utc(local);
  }
};

void read_directive(char what, scanner& in, fields& out) {
  switch (what) {
    case 'Y':
      out.year = in.exactly(4, 1, 9999);
      break;
    case 'y':  // POSIX: 69 … 99 are of the 20th century
      out.year = in.exactly(2, 0, 99);
      out.year += out.year < 69 ? 2000 : 1900;
      break;
    case 'm':
      out.month = in.number(2, 1, 12);
      break;
    case 'b':
    case 'B':
    case 'h':
      out.month = static_cast<int>(in.name(months)) + 1;
      break;
    case 'e':
      in.skip_spaces();
      [[fallthrough]];
    case 'd':
      out.day = in.number(2, 1, 31);
      break;
    case 'a':
    case 'A':
      in.name(days);
      break;
    case 'H':
      out.hour = in.number(2, 0, 23);
      break;
    case 'I':
      out.hour = in.number(2, 1, 12);
      break;
    case 'p':
      out.afternoon = in.name(std::array<std::string_view, 2>{"AM", "PM"}) == 1;
      break;
    case 'M':
      out.minute = in.number(2, 0, 59);
      break;
    case 'S':
      out.second = in.number(2, 0, 60);
      break;
    case 'f':
      out.fraction = in.fraction();
      break;
    case 'z':
      out.zone = in.zone();
      break;
    case '%':
      in.literal('%');
      break;
    default:  // %n and %t
      in.skip_spaces();
  }
}

std::string expanded(std::string_view pattern) {
  std::string out;
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char next = pattern[i] == '%' && i + 1 < pattern.size() ? pattern[i + 1] : '\0';
    if (next == 'F')
      out += "%Y-%m-%d";
    else if (next == 'T')
      out += "%H:%M:%S";
    else if (next == 'R')
      out += "%H:%M";
    else
      out.append(pattern.substr(i, next != '\0' ? 2 : 1));
    if (next != '\0') ++i;
  }
  return out;
}

/// What is wrong with a pattern; empty when it is good. `present` gets its directives.
std::string fault_of(std::string_view pattern, std::string& present) {
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] != '%') continue;
    if (++i == pattern.size()) return "a pattern that does not end in '%'";
    if (known_directives.find(pattern[i]) == std::string_view::npos)
      return "a pattern of %Y %y %m %d %e %b %B %h %a %A %H %I %p %M %S %f %z %F %T %R %n %t %%, without %" +
             std::string(1, pattern[i]);
    present += pattern[i];
  }
  const auto has = [&present](std::string_view any) { return present.find_first_of(any) != std::string::npos; };
  if (!has("Yy") || !has("mbBh") || !has("de")) return "a pattern with a year, a month and a day";
  if (has("I") != has("p") || (has("I") && has("H"))) return "a pattern with %H, or with %I and %p";
  return {};
}

std::optional<double> number_of(const json::value& v) {
  boost::json::error_code ignored;
  if (v.is_number()) return v.to_number<double>(ignored);
  if (!v.is_string()) return std::nullopt;
  const auto n = parse_real(trim(std::string_view(v.get_string().data(), v.get_string().size())));
  return n ? std::optional(*n) : std::nullopt;
}

}  // namespace

result<time_pattern> time_pattern::parse(std::string_view format, std::string_view zone) {
  time_pattern p;
  if (format.find('%') != std::string_view::npos) {
    if (format.size() > longest_pattern) return wrong("a pattern of at most 128 bytes");
    p.form_ = form::pattern;
    p.pattern_ = expanded(format);
    std::string present;
    if (auto fault = fault_of(p.pattern_, present); !fault.empty()) return wrong(std::move(fault));
    scanner in(zone.empty() ? "Z" : zone);
    p.zone_ = time_zone(in.zone());
    if (!in.good() || !in.at_end()) {
      auto named = time_zone::load(zone);
      if (!named) return named.error();
      p.zone_ = std::move(*named);
    }
    if (!zone.empty() && present.find('z') != std::string::npos)
      return wrong("either %z in the pattern or a zone, not both");
    return p;
  }
  if (format == "unix_s")
    p.form_ = form::unix_s;
  else if (format == "unix_ms")
    p.form_ = form::unix_ms;
  else if (format != "rfc3339")
    return wrong("rfc3339, unix_s, unix_ms or a pattern such as %Y-%m-%d %H:%M:%S");
  if (!zone.empty()) return wrong("a zone only with a pattern: the other formats say theirs");
  return p;
}

std::optional<timestamp> time_pattern::read(const json::value& v) const {
  if (form_ == form::unix_s || form_ == form::unix_ms) {
    const auto n = number_of(v);
    return n ? time_of(json::value(*n * (form_ == form::unix_s ? 1000 : 1))) : std::nullopt;
  }
  if (!v.is_string()) return std::nullopt;
  const std::string_view text(v.get_string().data(), v.get_string().size());
  if (form_ == form::rfc3339) return time_of(v);
  const auto t = read_pattern(text);
  // Through time_of(), which knows the years that can be written.
  return t ? time_of(json::value(t->time_since_epoch().count())) : std::nullopt;
}

std::optional<timestamp> time_pattern::read_pattern(std::string_view text) const {
  scanner in(trim(text));
  fields found;
  for (std::size_t i = 0; i < pattern_.size() && in.good(); ++i) {
    if (pattern_[i] == '%')
      read_directive(pattern_[++i], in, found);
    else if (space(pattern_[i]))
      in.skip_spaces();
    else
      in.literal(pattern_[i]);
  }
  return in.good() && in.at_end() ? found.time(zone_) : std::nullopt;
}

}  // namespace distsys::domain::geo::codec
