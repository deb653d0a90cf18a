#include "time_zone.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace distsys::domain::geo::codec {
namespace {

using namespace std::chrono;

constexpr std::size_t most_bytes = 1u << 16, most_name = 64;

error not_a_zone() { return {errc::corrupt, "not a zone file of version 2 or later"}; }

/// Big-endian numbers; once it has read too far everything is 0 and good() false.
class reader {
 public:
  explicit reader(std::string_view bytes) : rest_(bytes) {}

  bool good() const noexcept { return good_; }
  std::string_view rest() const noexcept { return rest_; }
  std::string_view take(std::size_t n) {
    if (n > rest_.size()) {
      good_ = false;
      n = 0;
    }
    const auto out = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return out;
  }
  std::uint64_t number(std::size_t bytes) {
    std::uint64_t n = 0;
    for (const char c : take(bytes)) n = n << 8 | static_cast<unsigned char>(c);
    return n;
  }

 private:
  std::string_view rest_;
  bool good_ = true;
};

struct counts {
  std::size_t utc, standard, leaps, changes, types, letters;

  std::size_t bytes(std::size_t time) const {
    return changes * (time + 1) + types * 6 + letters + leaps * (time + 4) + standard + utc;
  }
};

std::optional<counts> read_header(reader& in) {
  if (in.take(4) != "TZif" || in.take(1) < "2") return std::nullopt;
  in.take(15);
  const auto next = [&in] { return static_cast<std::size_t>(in.number(4)); };
  counts c{};
  for (auto* n : {&c.utc, &c.standard, &c.leaps, &c.changes, &c.types, &c.letters}) *n = next();
  const auto all = {c.utc, c.standard, c.leaps, c.changes, c.types, c.letters};
  if (!in.good() || std::max(all) > most_bytes) return std::nullopt;
  return c;
}

/// From the front of a POSIX TZ string.
class scanner {
 public:
  explicit scanner(std::string_view text) : rest_(text) {}

  bool good() const noexcept { return good_; }
  bool at_end() const noexcept { return rest_.empty(); }
  bool skip(char c) {
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void need(char c) { good_ = skip(c) && good_; }
  /// "CEST" or "<-03>".
  void name() {
    const bool quoted = skip('<');
    std::size_t n = 0;
    const auto letter = [](char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); };
    while (n < rest_.size() && (quoted ? rest_[n] != '>' : letter(rest_[n]))) ++n;
    good_ = good_ && n >= 1;
    rest_.remove_prefix(n);
    if (quoted) need('>');
  }
  int number(int most) {
    int n = 0;
    std::size_t count = 0;
    for (; count < 3 && count < rest_.size() && rest_[count] >= '0' && rest_[count] <= '9'; ++count)
      n = n * 10 + (rest_[count] - '0');
    rest_.remove_prefix(count);
    good_ = good_ && count > 0 && n <= most;
    return n;
  }
  /// [+-]h[:m[:s]]
  seconds time() {
    const bool negative = skip('-');
    if (!negative) skip('+');
    seconds t = hours(number(167));
    if (skip(':')) t += minutes(number(59));
    if (skip(':')) t += seconds(number(59));
    return negative ? -t : t;
  }
  std::string_view until_comma() {
    const auto out = rest_.substr(0, rest_.find(','));
    rest_.remove_prefix(out.size());
    return out;
  }

 private:
  std::string_view rest_;
  bool good_ = true;
};

}  // namespace

std::optional<time_zone::turn> time_zone::parse_turn(std::string_view text) {
  scanner in(text);
  turn t;
  in.need('M');
  t.month = in.number(12);
  in.need('.');
  t.week = in.number(5);
  in.need('.');
  t.weekday = in.number(6);
  if (in.skip('/')) t.at = in.time();
  return in.good() && in.at_end() && t.month > 0 && t.week > 0 ? std::optional(t) : std::nullopt;
}

/// "CET-1CEST,M3.5.0,M10.5.0/3": offsets are west of Greenwich there.
std::optional<time_zone::rule> time_zone::parse_rule(std::string_view text, seconds& standard) {
  scanner in(text);
  in.name();
  standard = -in.time();
  if (!in.good() || in.at_end()) return std::nullopt;
  rule r;
  r.standard = standard;
  in.name();
  r.summer = standard + hours(1);
  if (!in.skip(',')) {
    r.summer = -in.time();
    in.need(',');
  }
  const auto begins = parse_turn(in.until_comma());
  in.need(',');
  const auto ends = parse_turn(in.until_comma());
  if (!in.good() || !in.at_end() || !begins || !ends) return std::nullopt;
  r.begins = *begins;
  r.ends = *ends;
  return r;
}

sys_seconds time_zone::moment(const turn& t, year y, seconds offset) {
  const auto m = y / t.month;
  const weekday w(static_cast<unsigned>(t.weekday));
  const sys_days day = t.week == 5 ? sys_days(m / w[last]) : sys_days(m / w[static_cast<unsigned>(t.week)]);
  return day + t.at - offset;
}

result<time_zone> time_zone::parse(std::string_view bytes) {
  reader in(bytes);
  const auto old = read_header(in);  // with times of four bytes, for old readers
  if (!old) return not_a_zone();
  in.take(old->bytes(4));
  const auto c = read_header(in);
  if (!c || c->types == 0) return not_a_zone();
  reader times(in.take(c->changes * 8)), kinds(in.take(c->changes)), types(in.take(c->types * 6));
  in.take(c->bytes(8) - c->changes * 9 - c->types * 6);
  if (!in.good()) return not_a_zone();

  std::vector<seconds> offsets(c->types);
  for (auto& offset : offsets) {
    offset = seconds(static_cast<std::int32_t>(types.number(4)));
    types.take(2);
    if (abs(offset) > hours(26)) return not_a_zone();
  }
  time_zone out;
  out.first_ = offsets.front();
  for (std::size_t i = 0; i < c->changes; ++i) {
    const auto at = static_cast<std::int64_t>(times.number(8));
    const auto kind = static_cast<std::size_t>(kinds.number(1));
    if (kind >= offsets.size() || std::abs(at) > (std::int64_t{1} << 60)) return not_a_zone();
    if (!out.changes_.empty() && out.changes_.back().at.time_since_epoch().count() >= at) return not_a_zone();
    out.changes_.push_back({sys_seconds(seconds(at)), offsets[kind]});
  }
  auto footer = in.rest();
  if (footer.size() >= 2 && footer.front() == '\n') {
    footer = footer.substr(1, footer.find('\n', 1) - 1);
    seconds standard{0};
    out.after_ = parse_rule(footer, standard);
  }
  return out;
}

result<time_zone> time_zone::load(std::string_view name) {
  const auto plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '+' || c == '/';
  };
  const error none{errc::invalid, "a zone as UTC, +05:30 or America/Santiago"};
  if (name.empty() || name.size() > most_name || name.front() == '/' || !std::all_of(name.begin(), name.end(), plain))
    return none;
  const char* set = std::getenv("TZDIR");
  std::ifstream in(std::filesystem::path(set != nullptr ? set : "/usr/share/zoneinfo") / name, std::ios::binary);
  std::string bytes(most_bytes, '\0');
  in.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  bytes.resize(static_cast<std::size_t>(in.gcount()));
  auto zone = parse(bytes);
  if (!zone) return none;
  return zone;
}

seconds time_zone::offset_at(sys_seconds t) const noexcept {
  const auto next =
      std::upper_bound(changes_.begin(), changes_.end(), t, [](sys_seconds a, const change& b) { return a < b.at; });
  if (next == changes_.end() && after_) {
    const auto& r = *after_;
    const auto y = year_month_day(floor<days>(t + r.standard)).year();
    const auto begins = moment(r.begins, y, r.standard), ends = moment(r.ends, y, r.summer);
    const bool summer = begins < ends ? t >= begins && t < ends : t >= begins || t < ends;
    return summer ? r.summer : r.standard;
  }
  return next == changes_.begin() ? first_ : std::prev(next)->offset;
}

timestamp time_zone::to_utc(timestamp local) const noexcept {
  const auto shown = sys_seconds(floor<seconds>(local.time_since_epoch()));
  const auto before = offset_at(shown - days(1)), after = offset_at(shown + days(1));
  if (offset_at(shown - after) == after) return local - after;
  return local - before;
}

}  // namespace distsys::domain::geo::codec
