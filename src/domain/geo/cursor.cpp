#include "distsys/domain/geo/cursor.hpp"

#include <array>
#include <bit>
#include <cstring>

#include "hash.hpp"

namespace distsys::domain::geo {
namespace {

constexpr std::string_view alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::size_t raw_size = 24, text_size = 32;

void append_bytes(std::string& out, std::uint64_t v) {
  for (int shift = 56; shift >= 0; shift -= 8) out += static_cast<char>(v >> shift & 0xff);
}
void append_bytes(std::string& out, double v) { append_bytes(out, std::bit_cast<std::uint64_t>(v)); }
void append_text(std::string& out, std::string_view text) {
  append_bytes(out, text.size());
  out += text;
}

struct append_area {
  std::string& out;
  void operator()(const everywhere&) const { out += 'e'; }
  void operator()(const circle& c) const {
    out += 'c';
    for (const double v : {c.center.lon, c.center.lat, c.radius_m}) append_bytes(out, v);
  }
  void operator()(const box& b) const {
    out += 'b';
    for (const double v : {b.west, b.south, b.east, b.north}) append_bytes(out, v);
  }
  void operator()(const nearest& n) const {
    out += 'n';
    for (const double v : {n.center.lon, n.center.lat}) append_bytes(out, v);
    append_bytes(out, std::uint64_t{n.k});
  }
  void operator()(const polygon& p) const {
    out += 'p';
    append_bytes(out, std::uint64_t{p.ring.size()});
    for (const position& v : p.ring)
      for (const double degrees : {v.lon, v.lat}) append_bytes(out, degrees);
  }
};

std::uint64_t identity(const event_query& q) {
  std::string text;
  std::visit(append_area{text}, q.where);
  for (const auto* list : {&q.kinds, &q.sources}) {
    append_bytes(text, std::uint64_t{list->size()});
    for (const auto& item : *list) append_text(text, item);
  }
  append_bytes(text, static_cast<std::uint64_t>(q.since ? q.since->time_since_epoch().count() : INT64_MIN));
  append_bytes(text, static_cast<std::uint64_t>(q.min_severity.value_or(INT32_MIN)));
  if (q.at) append_bytes(text, static_cast<std::uint64_t>(q.at->time_since_epoch().count()));
  return hash64(text, 1);  // the seed is the format's version
}

std::uint64_t read_bytes(std::string_view raw, std::size_t at) {
  std::uint64_t v = 0;
  for (std::size_t i = at; i < at + 8; ++i) v = v << 8 | static_cast<unsigned char>(raw[i]);
  return v;
}

}  // namespace

std::string write_cursor(const cursor& c, const event_query& of) {
  std::string raw, out;
  append_bytes(raw, identity(of));
  append_bytes(raw, static_cast<std::uint64_t>(c.place));
  append_bytes(raw, static_cast<std::uint64_t>(c.key));
  for (std::size_t i = 0; i < raw_size; i += 3) {
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 3; ++k) group = group << 8 | static_cast<unsigned char>(raw[i + k]);
    for (int shift = 18; shift >= 0; shift -= 6) out += alphabet[group >> shift & 63];
  }
  return out;
}

result<std::optional<cursor>> read_cursor(const event_query& of) {
  if (of.cursor.empty()) return std::optional<cursor>();
  const error wrong{errc::invalid, "the cursor is not of this query"};
  if (of.cursor.size() != text_size) return wrong;
  std::string raw;
  for (std::size_t i = 0; i < text_size; i += 4) {
    std::uint32_t group = 0;
    for (std::size_t k = 0; k < 4; ++k) {
      const auto digit = alphabet.find(of.cursor[i + k]);
      if (digit == std::string_view::npos) return wrong;
      group = group << 6 | static_cast<std::uint32_t>(digit);
    }
    for (int shift = 16; shift >= 0; shift -= 8) raw += static_cast<char>(group >> shift & 0xff);
  }
  if (read_bytes(raw, 0) != identity(of)) return wrong;
  return std::optional(
      cursor{static_cast<std::int64_t>(read_bytes(raw, 8)), static_cast<std::int64_t>(read_bytes(raw, 16))});
}

}  // namespace distsys::domain::geo
