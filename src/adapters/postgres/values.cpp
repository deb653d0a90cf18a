#include "values.hpp"

#include "distsys/foundation/text.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <limits>
#include <optional>
#include <system_error>

namespace distsys::adapters::postgres {

namespace {

// pg_type.h of the server, which is not installed with libpq. Numbers of built-in types never change.
enum type : Oid {
  bool_type = 16,
  bytea_type = 17,
  name_type = 19,
  int8_type = 20,
  int2_type = 21,
  int4_type = 23,
  text_type = 25,
  oid_type = 26,
  float4_type = 700,
  float8_type = 701,
  bpchar_type = 1042,
  varchar_type = 1043,
  numeric_type = 1700,
};

template <class Unsigned>
Unsigned read_big_endian(std::string_view bytes) noexcept {
  Unsigned v = 0;
  for (std::size_t i = 0; i < sizeof(Unsigned); ++i)
    v = static_cast<Unsigned>(static_cast<std::uint64_t>(v) << 8 | static_cast<unsigned char>(bytes[i]));
  return v;
}

template <class Unsigned>
std::string_view write_big_endian(Unsigned v, char (&out)[8]) noexcept {
  for (std::size_t i = sizeof(Unsigned); i-- > 0; v = static_cast<Unsigned>(static_cast<std::uint64_t>(v) >> 8))
    out[i] = static_cast<char>(v & 0xff);
  return {out, sizeof(Unsigned)};
}

bool is_textual(Oid t) noexcept { return t == text_type || t == varchar_type || t == bpchar_type || t == name_type; }
bool is_whole(Oid t) noexcept { return t == int8_type || t == int4_type || t == int2_type || t == oid_type; }

template <class Whole>
bool fits(std::int64_t v) noexcept {
  return v >= std::numeric_limits<Whole>::min() && v <= std::numeric_limits<Whole>::max();
}

/// Decimal text, correctly rounded; "Infinity" and "NaN", too. Beyond a double's range it is infinite, or zero.
double real_of(std::string_view text, bool large) noexcept {
  double v = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), v).ec != std::errc::result_out_of_range) return v;
  const double limit = large ? std::numeric_limits<double>::infinity() : 0.0;
  return text.starts_with('-') ? -limit : limit;
}

enum numeric_sign : std::uint16_t { positive = 0, negative = 0x4000, infinite = 0xD000, minus_infinite = 0xF000 };

/// Base 10000 digits, a weight (of the first), a sign, a scale. Whole numbers of 64 bits stay whole.
bool append_numeric(ports::table& to, std::string_view bytes) {
  const auto word = [&](std::size_t i) { return read_big_endian<std::uint16_t>(bytes.substr(2 * i)); };
  if (bytes.size() < 8 || bytes.size() != 8u + 2u * word(0)) return false;
  const int digits = word(0);
  const int weight = static_cast<std::int16_t>(word(1));
  const std::uint16_t sign = word(2);
  if (sign != positive && sign != negative) {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    to.add(sign == infinite ? infinity : sign == minus_infinite ? -infinity : std::numeric_limits<double>::quiet_NaN());
    return true;
  }
  bool whole = weight < 5;   // 10000^5 > 2^63
  std::int64_t integer = 0;  // negated: there is one more of those
  std::string text = sign == negative ? "-" : "";
  for (int i = 0; i < std::max(digits, std::min(weight, 5) + 1); ++i) {
    const int digit = i < digits ? word(4 + static_cast<std::size_t>(i)) : 0;
    if (digit > 9999) return false;
    if (i < digits) text += std::to_string(10'000 + digit).substr(1);
    if (i <= weight)
      whole = whole && !__builtin_mul_overflow(integer, 10000, &integer) &&
              !__builtin_sub_overflow(integer, digit, &integer);
    else
      whole = whole && digit == 0;
  }
  if (whole && (sign == negative || !__builtin_sub_overflow(0, integer, &integer)))
    to.add(integer);
  else
    to.add(real_of(text + "e" + std::to_string(4 * (weight - digits + 1)), weight > 0));
  return true;
}

/// What a value of this type takes; 0 where that varies.
std::size_t width_of(Oid t) noexcept {
  switch (t) {
    case bool_type:
      return 1;
    case int2_type:
      return 2;
    case int4_type:
    case oid_type:
    case float4_type:
      return 4;
    case int8_type:
    case float8_type:
      return 8;
    default:
      return 0;
  }
}

/// False when the bytes are none of this type.
bool append_binary(ports::table& to, Oid t, std::string_view bytes) {
  if (const auto width = width_of(t); width != 0 && bytes.size() != width) return false;
  switch (t) {
    case bool_type:
      to.add(bytes[0] != 0);
      return true;
    case int2_type:
      to.add(std::int64_t{static_cast<std::int16_t>(read_big_endian<std::uint16_t>(bytes))});
      return true;
    case int4_type:
      to.add(std::int64_t{static_cast<std::int32_t>(read_big_endian<std::uint32_t>(bytes))});
      return true;
    case oid_type:
      to.add(std::int64_t{read_big_endian<std::uint32_t>(bytes)});
      return true;
    case int8_type:
      to.add(static_cast<std::int64_t>(read_big_endian<std::uint64_t>(bytes)));
      return true;
    case float4_type:
      to.add(double{std::bit_cast<float>(read_big_endian<std::uint32_t>(bytes))});
      return true;
    case float8_type:
      to.add(std::bit_cast<double>(read_big_endian<std::uint64_t>(bytes)));
      return true;
    case numeric_type:
      return append_numeric(to, bytes);
    case bytea_type:
      to.add_blob(bytes);
      return true;
    default:
      if (!is_textual(t)) return false;
      to.add(bytes);
      return true;
  }
}

struct element {
  Oid oid;
  array_type array;
};
constexpr std::array<element, 9> elements{{{bool_type, {1000, "boolean[]"}},
                                           {bytea_type, {1001, "bytea[]"}},
                                           {int2_type, {1005, "smallint[]"}},
                                           {int4_type, {1007, "integer[]"}},
                                           {text_type, {1009, "text[]"}},
                                           {varchar_type, {1015, "varchar[]"}},
                                           {int8_type, {1016, "bigint[]"}},
                                           {float4_type, {1021, "real[]"}},
                                           {float8_type, {1022, "double precision[]"}}}};

bool is_array(Oid t) noexcept {
  return std::ranges::any_of(elements, [t](const element& e) { return e.array.oid == t; });
}

void append_word(std::string& to, std::uint32_t v) {
  char bytes[8];
  to += write_big_endian(v, bytes);
}

int hex_value(char c) noexcept { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; }

void append_text(ports::table& to, Oid t, std::string_view text) {
  if (t == bool_type) return to.add(text == "t");
  if (is_whole(t)) return to.add(std::int64_t{std::strtoll(std::string(text).c_str(), nullptr, 10)});
  if (t == numeric_type || t == float4_type || t == float8_type) {
    if (t == numeric_type)
      if (const auto whole = parse_integer(text)) return to.add(*whole);
    return to.add(real_of(text, !text.starts_with("0.") && !text.starts_with("-0.")));
  }
  if (t == bytea_type && text.starts_with("\\x")) {
    std::string bytes;
    for (std::size_t i = 2; i + 1 < text.size(); i += 2)
      bytes += static_cast<char>(hex_value(text[i]) * 16 + hex_value(text[i + 1]));
    return to.add_blob(bytes);
  }
  to.add(text);
}

/// The shortest text that says this double and no other.
std::string text_of(double v) {
  std::array<char, 40> text{};
  return {text.data(), std::to_chars(text.data(), text.data() + text.size(), v).ptr};
}

std::optional<std::int64_t> as_whole(double v) {
  if (std::floor(v) != v || std::abs(v) >= 9.2e18) return std::nullopt;
  return static_cast<std::int64_t>(v);
}

}  // namespace

bool has_binary_form(Oid t) noexcept {
  return is_textual(t) || is_whole(t) || t == bool_type || t == float4_type || t == float8_type || t == numeric_type ||
         t == bytea_type;
}

bool append_value(ports::table& to, const PGresult* r, int row, int column) {
  if (PQgetisnull(r, row, column)) {
    to.add(nullptr);
    return true;
  }
  const std::string_view bytes(PQgetvalue(r, row, column), static_cast<std::size_t>(PQgetlength(r, row, column)));
  const Oid t = PQftype(r, column);
  if (PQfformat(r, column) != 0) return append_binary(to, t, bytes);
  append_text(to, t, bytes);
  return true;
}

std::optional<array_type> array_of(Oid t) noexcept {
  const auto found = std::ranges::find(elements, t, &element::oid);
  return found == elements.end() ? std::nullopt : std::optional(found->array);
}

// One dimension, a word that says whether there are NULLs, the type, the number of elements, the first index; then the
// elements, each after its length (-1: NULL).
array_writer::array_writer(Oid t) {
  for (const std::uint32_t word : {1u, 1u, t, 0u, 1u}) append_word(bytes_, word);
}

std::size_t array_writer::add(const parameter_row& row, std::size_t column) {
  const std::size_t before = bytes_.size();
  const char* const value = row.values()[column];
  const auto length = static_cast<std::uint32_t>(row.lengths()[column]);
  append_word(bytes_, value ? length : 0xffffffffu);
  if (value) bytes_.append(value, length);
  ++count_;
  return bytes_.size() - before;
}

std::string array_writer::finish() {
  std::string count;
  append_word(count, count_);
  bytes_.replace(12, count.size(), count);
  return std::move(bytes_);
}

result<void> parameter_row::fill(const ports::table& t, std::size_t row, std::span<const Oid> types) {
  values_.clear();
  lengths_.clear();
  formats_.clear();
  places_.clear();
  scratch_.clear();
  for (std::size_t i = 0; i < types.size(); ++i)
    if (auto added = add(t.at(row, i), types[i]); !added)
      return error{added.error().code, "parameter " + std::to_string(i + 1) + " " + added.error().detail};
  for (std::size_t i = 0; i < values_.size(); ++i)
    if (places_[i].own) values_[i] = scratch_.data() + places_[i].offset;
  return {};
}

bool parameter_row::all_binary() const noexcept {
  return std::ranges::all_of(formats_, [](int format) { return format == 1; });
}

void parameter_row::add_view(std::string_view bytes, bool binary) {
  // A null pointer would be NULL: an empty text needs one that is none.
  values_.push_back(bytes.data() ? bytes.data() : "");
  lengths_.push_back(static_cast<int>(bytes.size()));
  formats_.push_back(binary ? 1 : 0);
  places_.push_back({0, false});
}

void parameter_row::add_own(std::string_view bytes, bool binary) {
  const std::size_t offset = scratch_.size();
  scratch_.append(bytes).push_back('\0');  // of texts libpq does not look at the length
  add_view(bytes, binary);
  places_.back() = {offset, true};
}

result<void> parameter_row::add_bytes(std::string_view bytes, Oid type) {
  if (bytes.size() > static_cast<std::size_t>(std::numeric_limits<int>::max()))
    return error{errc::too_large, "is larger than 2 GiB"};
  if (is_textual(type) || type == bytea_type || is_array(type)) {  // of an array: array_writer's
    add_view(bytes, true);
    return {};
  }
  if (bytes.find('\0') != std::string_view::npos) return error{errc::invalid, "holds a zero byte"};
  add_own(bytes, false);
  return {};
}

result<void> parameter_row::add_whole(const ports::value_view& v, Oid type) {
  const auto whole = v.type() == ports::value_type::integer ? std::optional(v.integer()) : as_whole(v.real());
  const std::int64_t n = whole.value_or(0);
  const bool ok = whole && (type == int8_type || (type == int4_type && fits<std::int32_t>(n)) ||
                            (type == int2_type && fits<std::int16_t>(n)) ||
                            (type == oid_type && fits<std::uint32_t>(n)) || (type == bool_type && (n == 0 || n == 1)));
  if (!ok) return error{errc::invalid, "does not fit its column's type"};
  char number[8];
  const auto bits = static_cast<std::uint64_t>(n);
  if (type == int8_type)
    add_own(write_big_endian(bits, number), true);
  else if (type == int2_type)
    add_own(write_big_endian(static_cast<std::uint16_t>(bits), number), true);
  else if (type == bool_type)
    add_own(write_big_endian(static_cast<std::uint8_t>(bits), number), true);
  else
    add_own(write_big_endian(static_cast<std::uint32_t>(bits), number), true);
  return {};
}

result<void> parameter_row::add(const ports::value_view& v, Oid type) {
  if (v.is_null()) {
    add_view({}, true);
    values_.back() = nullptr;
    return {};
  }
  if (v.type() == ports::value_type::text || v.type() == ports::value_type::blob) return add_bytes(v.text(), type);
  if (is_whole(type) || type == bool_type) return add_whole(v, type);
  char number[8];
  if (type == float8_type)
    add_own(write_big_endian(std::bit_cast<std::uint64_t>(v.real()), number), true);
  else if (type == float4_type)
    add_own(write_big_endian(std::bit_cast<std::uint32_t>(static_cast<float>(v.real())), number), true);
  else if (type == bytea_type)
    return error{errc::invalid, "is a number where bytes are stored"};
  else
    add_own(v.type() == ports::value_type::integer ? std::to_string(v.integer()) : text_of(v.real()), false);
  return {};
}

}  // namespace distsys::adapters::postgres
