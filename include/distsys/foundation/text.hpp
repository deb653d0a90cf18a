// Small text helpers that several folders need.
#pragma once

#include "distsys/foundation/error.hpp"

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace distsys {

/// Whole text or errc::invalid; no surrounding spaces, no '+', finite.
result<std::int64_t> parse_integer(std::string_view text);
result<double> parse_real(std::string_view text);
/// "250ms", "5s", "2m", "1h", "7d", "90us"; a bare number is refused: errc::invalid lists the units.
result<std::chrono::microseconds> parse_duration(std::string_view text);
std::string format_duration(std::chrono::microseconds d);  // "250ms": reads back as the same
/// "64KiB", "1MiB", "2GiB", "100" (bytes), "5MB".
result<std::uint64_t> parse_size(std::string_view text);

std::vector<std::string_view> split(std::string_view text, char separator);
std::string_view trim(std::string_view text) noexcept;                      // ASCII spaces and tabs, CR, LF
std::string lower(std::string_view text);                                   // ASCII
bool equal_ignoring_case(std::string_view a, std::string_view b) noexcept;  // ASCII

/// The candidate with the least edit distance when it is near enough to be meant; else empty.
std::string_view nearest(std::string_view word, std::span<const std::string_view> candidates);

/// RFC 3339 in UTC with milliseconds: "2025-04-09T18:03:00.000Z".
std::string format_time(std::chrono::sys_time<std::chrono::milliseconds> t);
/// RFC 3339 with any offset, or a date alone; errc::invalid otherwise.
result<std::chrono::sys_time<std::chrono::milliseconds>> parse_time(std::string_view text);

}  // namespace distsys
