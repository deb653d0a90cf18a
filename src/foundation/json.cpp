#include "distsys/foundation/json.hpp"

#include <array>
#include <charconv>
#include <cmath>

namespace distsys::json {

namespace {

// Boost.JSON reads 1e999 as infinity, and writes that as "Infinity", which is not JSON.
void drop_infinities(value& v) {
  if (auto* number = v.if_double()) {
    if (!std::isfinite(*number)) v = nullptr;
  } else if (auto* items = v.if_array()) {
    for (value& item : *items) drop_infinities(item);
  } else if (auto* members = v.if_object()) {
    for (auto& member : *members) drop_infinities(member.value());
  }
}

}  // namespace

result<value> parse(std::string_view text, std::size_t max_bytes) {
  if (text.size() > max_bytes) {
    return error{errc::too_large,
                 "JSON of " + std::to_string(text.size()) + " bytes; the limit is " + std::to_string(max_bytes)};
  }
  // A byte order mark may be ignored (RFC 8259, 8.1); offsets count it all the same.
  constexpr std::string_view mark = "\xEF\xBB\xBF";
  const std::size_t skipped = text.starts_with(mark) ? mark.size() : 0;
  text.remove_prefix(skipped);
  boost::json::parse_options options;
  options.max_depth = max_depth;
  boost::json::stream_parser parser({}, options);
  boost::json::error_code problem;
  const std::size_t read = parser.write_some(text.data(), text.size(), problem);
  if (!problem && read < text.size()) {
    // What may follow a document is white space and nothing else.
    const auto rest = text.substr(read).find_first_not_of(" \t\r\n");
    if (rest != std::string_view::npos) {
      return error{errc::invalid,
                   "not JSON: more text after the document at byte " + std::to_string(skipped + read + rest)};
    }
  }
  if (!problem) parser.finish(problem);
  if (problem == boost::json::error::incomplete) {
    return error{errc::invalid,
                 "JSON is truncated: it ends unfinished at byte " + std::to_string(skipped + text.size())};
  }
  if (problem)
    return error{errc::invalid, "not JSON: " + problem.message() + " at byte " + std::to_string(skipped + read)};
  value v = parser.release();
  drop_infinities(v);
  return v;
}

const value* find(const object& o, std::string_view key) noexcept {
  const value* v = o.if_contains(key);
  return v == nullptr || v->is_null() ? nullptr : v;
}

std::optional<std::string_view> get_string(const object& o, std::string_view key) noexcept {
  const value* v = find(o, key);
  if (v == nullptr || !v->is_string()) return std::nullopt;
  return std::string_view(v->get_string().data(), v->get_string().size());
}

std::optional<std::int64_t> get_integer(const object& o, std::string_view key) noexcept {
  const value* v = find(o, key);
  if (v == nullptr) return std::nullopt;
  if (v->is_int64()) return v->get_int64();
  if (v->is_uint64() && v->get_uint64() <= static_cast<std::uint64_t>(INT64_MAX))
    return static_cast<std::int64_t>(v->get_uint64());
  if (v->is_double()) {
    const double d = v->get_double();
    if (std::trunc(d) == d && std::abs(d) < 9.2e18) return static_cast<std::int64_t>(d);
  }
  return std::nullopt;
}

std::optional<double> get_number(const object& o, std::string_view key) noexcept {
  const value* v = find(o, key);
  if (v == nullptr || !v->is_number()) return std::nullopt;
  boost::json::error_code ignored;
  const double d = v->to_number<double>(ignored);
  return std::isfinite(d) ? std::optional(d) : std::nullopt;
}

std::optional<bool> get_bool(const object& o, std::string_view key) noexcept {
  const value* v = find(o, key);
  return v != nullptr && v->is_bool() ? std::optional(v->get_bool()) : std::nullopt;
}

const object* get_object(const object& o, std::string_view key) noexcept {
  const value* v = find(o, key);
  return v == nullptr ? nullptr : v->if_object();
}

const array* get_array(const object& o, std::string_view key) noexcept {
  const value* v = find(o, key);
  return v == nullptr ? nullptr : v->if_array();
}

namespace {

/// The length of the well-formed UTF-8 sequence at the start of `text` (Unicode 15, table 3-7); 0 when there is none.
std::size_t utf8_length(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const auto tail = [&](std::size_t i) { return (byte(i) & 0xC0u) == 0x80u; };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return tail(1) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    const bool second = first == 0xE0   ? byte(1) >= 0xA0 && byte(1) <= 0xBF
                        : first == 0xED ? byte(1) >= 0x80 && byte(1) <= 0x9F
                                        : tail(1);
    return second && tail(2) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const bool second = first == 0xF0   ? byte(1) >= 0x90 && byte(1) <= 0xBF
                        : first == 0xF4 ? byte(1) >= 0x80 && byte(1) <= 0x8F
                                        : tail(1);
    return second && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

}  // namespace

void append_string(std::string& out, std::string_view text) {
  static constexpr std::string_view digits = "0123456789abcdef";
  out += '"';
  while (!text.empty()) {
    const auto c = static_cast<unsigned char>(text.front());
    std::size_t used = 1;
    if (c == '"' || c == '\\') {
      out += '\\';
      out += static_cast<char>(c);
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c < 0x20 || c == 0x7f) {
      out += "\\u00";
      out += digits[c >> 4];
      out += digits[c & 15];
    } else if (const std::size_t length = utf8_length(text); length > 0) {
      out.append(text.substr(0, length));
      used = length;
    } else {
      out += "\xEF\xBF\xBD";
    }
    text.remove_prefix(used);
  }
  out += '"';
}

void append_number(std::string& out, double v) {
  if (!std::isfinite(v)) {
    out += "null";
    return;
  }
  std::array<char, 32> text{};
  const auto [end, problem] = std::to_chars(text.data(), text.data() + text.size(), v);
  out.append(text.data(), end);
}

void append_number(std::string& out, std::int64_t v) {
  std::array<char, 24> text{};
  const auto [end, problem] = std::to_chars(text.data(), text.data() + text.size(), v);
  out.append(text.data(), end);
}

}  // namespace distsys::json
