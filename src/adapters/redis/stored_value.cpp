#include "stored_value.hpp"

#include <algorithm>

namespace distsys::adapters::redis {
namespace {

constexpr char mark = '\xC1';
constexpr std::size_t digits = 20;  // of 2^64 - 1: of equal length, so that their order is that of text
constexpr char escaped_mark[] = {mark, 'p'};

std::string head(char kind, std::uint64_t version) {
  const std::string number = std::to_string(version);
  std::string out{mark, kind};
  out.append(digits - number.size(), '0').append(number);
  return out;
}

}  // namespace

stored_value decode(std::string_view raw) noexcept {
  if (raw.empty() || raw.front() != mark) return {stored_kind::value, raw};
  if (raw.size() >= 2 && raw[1] == 'p') return {stored_kind::value, raw.substr(2)};
  const bool versioned = raw.size() >= max_head && (raw[1] == 'v' || raw[1] == 't') &&
                         std::ranges::all_of(raw.substr(2, digits), [](char c) { return c >= '0' && c <= '9'; });
  if (!versioned) return {stored_kind::damaged, {}};
  if (raw[1] == 't') return {stored_kind::tombstone, {}};
  return {stored_kind::value, raw.substr(max_head)};
}

reply::kind kind_of(stored_kind kind) noexcept {
  switch (kind) {
    case stored_kind::value:
      return reply::kind::bulk;
    case stored_kind::tombstone:
      return reply::kind::tombstone;
    case stored_kind::damaged:
      break;
  }
  return reply::kind::damaged;
}

std::string_view plain_head(std::string_view value) noexcept {
  if (value.empty() || value.front() != mark) return {};
  return {escaped_mark, sizeof escaped_mark};
}

std::string version_head(std::uint64_t version) { return head('v', version); }
std::string tombstone(std::uint64_t version) { return head('t', version); }

}  // namespace distsys::adapters::redis
