#include "robots.hpp"

#include "distsys/foundation/text.hpp"

#include <algorithm>

namespace distsys::roles::scraper {
namespace {

constexpr std::size_t most_bytes = 500u << 10;
constexpr std::size_t most_rules = 10'000;
constexpr std::size_t longest_pattern = 2048;

int hex(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool unreserved(unsigned char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.' ||
         c == '_' || c == '~';
}

void encode(std::string& out, unsigned char c) {
  constexpr std::string_view digits = "0123456789ABCDEF";
  out += '%';
  out += digits[c >> 4];
  out += digits[c & 15];
}

/// Equal octets written alike (2.2.2): escapes of unreserved characters decoded, other bytes outside ASCII encoded.
std::string normalise(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c == '%' && i + 2 < text.size() && hex(text[i + 1]) >= 0 && hex(text[i + 2]) >= 0) {
      const auto byte = static_cast<unsigned char>(hex(text[i + 1]) * 16 + hex(text[i + 2]));
      unreserved(byte) ? out.push_back(static_cast<char>(byte)) : encode(out, byte);
      i += 2;
    } else if (c <= 0x20 || c >= 0x7f) {
      encode(out, c);
    } else {
      out += static_cast<char>(c);
    }
  }
  return out;
}

/// Greedy with one point to go back to: linear for one '*', never exponential.
bool fits(std::string_view pattern, std::string_view target) {
  const bool anchored = pattern.ends_with('$');
  if (anchored) pattern.remove_suffix(1);
  std::size_t p = 0, t = 0, star = std::string_view::npos, star_target = 0;
  while (true) {
    if (p == pattern.size() && (!anchored || t == target.size())) return true;
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_target = t;
    } else if (p < pattern.size() && t < target.size() && pattern[p] == target[t]) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos && star_target < target.size()) {
      p = star + 1;
      t = ++star_target;
    } else {
      return false;
    }
  }
}

/// The letters, '_' and '-' at the start: a file may say "distsys/1.0".
std::string_view product_token(std::string_view value) {
  std::size_t n = 0;
  while (n < value.size() && ((value[n] >= 'a' && value[n] <= 'z') || (value[n] >= 'A' && value[n] <= 'Z') ||
                              value[n] == '_' || value[n] == '-')) {
    ++n;
  }
  return value.substr(0, n);
}

}  // namespace

robots robots::disallow_all() {
  robots r;
  r.rules_.push_back({"/", false});
  return r;
}

robots robots::parse(std::string_view text, std::string_view product) {
  robots ours, everyone;
  bool named = false;  // some group is for us
  bool for_us = false, for_everyone = false, in_rules = true;
  text = text.substr(0, most_bytes);
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  while (!text.empty()) {
    const auto end = text.find_first_of("\r\n");
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    line = trim(line.substr(0, line.find('#')));
    const auto colon = line.find(':');
    if (colon == std::string_view::npos) continue;
    const auto key = trim(line.substr(0, colon)), value = trim(line.substr(colon + 1));
    if (equal_ignoring_case(key, "user-agent")) {
      if (in_rules) for_us = for_everyone = in_rules = false;  // a new group
      if (value == "*") for_everyone = true;
      if (equal_ignoring_case(product_token(value), product)) for_us = named = true;
      continue;
    }
    const bool allow = equal_ignoring_case(key, "allow");
    if (!allow && !equal_ignoring_case(key, "disallow")) continue;
    in_rules = true;
    if (value.empty() || value.size() > longest_pattern) continue;  // "Disallow:" forbids nothing
    const rule r{normalise(value), allow};
    if (for_us && ours.rules_.size() < most_rules) ours.rules_.push_back(r);
    if (for_everyone && everyone.rules_.size() < most_rules) everyone.rules_.push_back(r);
  }
  return named ? ours : everyone;
}

bool robots::allows(std::string_view target) const {
  const std::string wanted = normalise(target);
  if (wanted == "/robots.txt") return true;
  std::size_t longest = 0;
  bool allowed = true;
  for (const auto& r : rules_) {
    if (!fits(r.pattern, wanted)) continue;
    if (r.pattern.size() > longest || (r.pattern.size() == longest && r.allow)) allowed = r.allow;
    longest = std::max(longest, r.pattern.size());
  }
  return allowed;
}

}  // namespace distsys::roles::scraper
