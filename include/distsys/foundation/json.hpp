// Reading and writing JSON by Boost.JSON, with the limits that untrusted input needs.
#pragma once

#include "distsys/foundation/error.hpp"

#include <boost/json.hpp>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace distsys::json {

using boost::json::array;
using boost::json::object;
using boost::json::value;

inline constexpr std::size_t max_depth = 64;

/// errc::invalid with the byte offset and the reason; depth over max_depth, trailing text and what is not UTF-8 are
/// errors. A number beyond the range of a double is null. `max_bytes` over: errc::too_large.
result<value> parse(std::string_view text, std::size_t max_bytes = 64u << 20);

/// nullptr or nothing when the member is absent, null, or of another type.
const value* find(const object& o, std::string_view key) noexcept;
std::optional<std::string_view> get_string(const object& o, std::string_view key) noexcept;
/// An integer, or a double without a fraction that fits.
std::optional<std::int64_t> get_integer(const object& o, std::string_view key) noexcept;
/// Any finite number.
std::optional<double> get_number(const object& o, std::string_view key) noexcept;
std::optional<bool> get_bool(const object& o, std::string_view key) noexcept;
const object* get_object(const object& o, std::string_view key) noexcept;
const array* get_array(const object& o, std::string_view key) noexcept;

/// Appends `text` as a JSON string with its quotes. Bytes that are not UTF-8 become U+FFFD.
void append_string(std::string& out, std::string_view text);
/// Appends the shortest text that reads back as the same double; "null" when it is not finite.
void append_number(std::string& out, double v);
void append_number(std::string& out, std::int64_t v);

}  // namespace distsys::json
