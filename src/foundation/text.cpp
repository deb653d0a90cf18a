#include "distsys/foundation/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <optional>

namespace distsys {
namespace {

char lower(char c) noexcept { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

error not_a(std::string_view what, std::string_view text) {
  return {errc::invalid, "'" + std::string(text.substr(0, 64)) + "' is not " + std::string(what)};
}

struct unit {
  std::string_view name;
  double factor;
};

/// "12.5ms" into a number and a unit; nothing when there is no number before it.
std::optional<std::pair<double, std::string_view>> split_unit(std::string_view text) {
  const auto end = text.find_first_not_of("0123456789.");
  const auto number = parse_real(text.substr(0, end));
  if (!number) return std::nullopt;
  return std::pair{*number, end == std::string_view::npos ? std::string_view{} : text.substr(end)};
}

}  // namespace

result<std::int64_t> parse_integer(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc{} || end != text.data() + text.size()) return not_a("a whole number", text);
  return value;
}

result<double> parse_real(std::string_view text) {
  double value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc{} || end != text.data() + text.size() || !std::isfinite(value))
    return not_a("a number", text);
  return value;
}

result<std::chrono::microseconds> parse_duration(std::string_view text) {
  static constexpr std::array<unit, 6> units{
      {{"us", 1}, {"ms", 1e3}, {"s", 1e6}, {"m", 60e6}, {"h", 3600e6}, {"d", 86400e6}}};
  if (const auto parts = split_unit(text)) {
    for (const auto& u : units) {
      const double us = parts->first * u.factor;
      if (parts->second == u.name && us < 9e18) return std::chrono::microseconds(std::llround(us));
    }
  }
  return not_a("a duration such as 250ms, 5s, 2m, 1h or 7d", text);
}

std::string format_duration(std::chrono::microseconds d) {
  static constexpr std::array<std::pair<std::int64_t, std::string_view>, 5> units{
      {{86'400'000'000, "d"}, {3'600'000'000, "h"}, {60'000'000, "m"}, {1'000'000, "s"}, {1'000, "ms"}}};
  for (const auto& [size, name] : units) {
    if (d.count() != 0 && d.count() % size == 0) return std::to_string(d.count() / size) + std::string(name);
  }
  return std::to_string(d.count()) + (d.count() == 0 ? "s" : "us");
}

result<std::uint64_t> parse_size(std::string_view text) {
  static constexpr std::array<unit, 9> units{{{"", 1},
                                              {"B", 1},
                                              {"KiB", 1024.0},
                                              {"MiB", 1048576.0},
                                              {"GiB", 1073741824.0},
                                              {"TiB", 1099511627776.0},
                                              {"kB", 1e3},
                                              {"MB", 1e6},
                                              {"GB", 1e9}}};
  if (const auto parts = split_unit(text)) {
    for (const auto& u : units) {
      const double bytes = parts->first * u.factor;
      if (parts->second == u.name && bytes < 9e18) return static_cast<std::uint64_t>(bytes);
    }
  }
  return not_a("a size such as 100, 64KiB, 1MiB or 5MB", text);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  for (std::size_t begin = 0;;) {
    const auto end = text.find(separator, begin);
    parts.push_back(text.substr(begin, end - begin));
    if (end == std::string_view::npos) return parts;
    begin = end + 1;
  }
}

std::string_view trim(std::string_view text) noexcept {
  static constexpr std::string_view spaces = " \t\r\n";
  const auto begin = text.find_first_not_of(spaces);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(spaces) - begin + 1);
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = lower(c);
  return out;
}

bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates) {
  // Edits are insertions, deletions, substitutions and swaps of neighbours (optimal string alignment), three rows at a
  // time; a third of the word may differ.
  std::size_t best = std::max<std::size_t>(1, word.size() / 3) + 1;
  std::string_view found;
  std::vector<std::size_t> before, above, row;
  for (const auto candidate : candidates) {
    row.resize(candidate.size() + 1);
    for (std::size_t j = 0; j < row.size(); ++j) row[j] = j;
    above = row;
    for (std::size_t i = 0; i < word.size(); ++i) {
      before.swap(above);
      above.swap(row);
      row.resize(above.size());
      row[0] = i + 1;
      for (std::size_t j = 1; j < row.size(); ++j) {
        const auto same = [&](std::size_t a, std::size_t b) { return lower(word[a]) == lower(candidate[b]); };
        row[j] = std::min({above[j] + 1, row[j - 1] + 1, above[j - 1] + (same(i, j - 1) ? 0 : 1)});
        if (i > 0 && j > 1 && same(i, j - 2) && same(i - 1, j - 1)) row[j] = std::min(row[j], before[j - 2] + 1);
      }
    }
    if (row.back() < best) {
      best = row.back();
      found = candidate;
    }
  }
  return found;
}

std::string format_time(std::chrono::sys_time<std::chrono::milliseconds> t) {
  const auto day = std::chrono::floor<std::chrono::days>(t);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss time(t - day);
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%04d-%02u-%02uT%02d:%02d:%02d.%03dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()), static_cast<int>(time.subseconds().count()));
  return text.data();
}

result<std::chrono::sys_time<std::chrono::milliseconds>> parse_time(std::string_view text) {
  using namespace std::chrono;
  const auto bad = [&] { return not_a("a time such as 2025-04-09T18:03:00Z", text); };
  const auto number = [&](std::size_t at, std::size_t digits) -> int {
    if (at + digits > text.size()) return -1;
    int value = 0;
    for (std::size_t i = at; i < at + digits; ++i) {
      if (text[i] < '0' || text[i] > '9') return -1;
      value = value * 10 + (text[i] - '0');
    }
    return value;
  };
  if (text.size() < 10 || text[4] != '-' || text[7] != '-') return bad();
  const int y = number(0, 4), mo = number(5, 2), d = number(8, 2);
  if (y < 0 || mo < 0 || d < 0) return bad();
  const year_month_day date{year{y}, month{static_cast<unsigned>(mo)}, day{static_cast<unsigned>(d)}};
  if (!date.ok()) return bad();
  sys_time<milliseconds> t = sys_days(date);
  if (text.size() == 10) return t;

  if (text.size() < 20 || (text[10] != 'T' && text[10] != 't' && text[10] != ' ') || text[13] != ':' ||
      text[16] != ':') {
    return bad();
  }
  const int h = number(11, 2), mi = number(14, 2), s = number(17, 2);
  if (h < 0 || h > 23 || mi < 0 || mi > 59 || s < 0 || s > 60) return bad();
  t += hours(h) + minutes(mi) + seconds(s);
  std::size_t at = 19;
  if (text[at] == '.') {
    int scale = 100;
    for (++at; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, scale /= 10) {
      t += milliseconds((text[at] - '0') * scale);
    }
    if (text[at - 1] == '.') return bad();
  }
  if (at >= text.size()) return bad();
  if ((text[at] == 'Z' || text[at] == 'z') && at + 1 == text.size()) return t;
  const int oh = number(at + 1, 2), om = number(at + 4, 2);
  if ((text[at] != '+' && text[at] != '-') || at + 6 != text.size() || text[at + 3] != ':' || oh < 0 || oh > 23 ||
      om < 0 || om > 59) {
    return bad();
  }
  const auto offset = hours(oh) + minutes(om);
  return text[at] == '+' ? t - offset : t + offset;
}

}  // namespace distsys
