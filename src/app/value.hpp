// One value of one option: checked, masked, described.
#pragma once

#include "distsys/app/role.hpp"
#include "distsys/ports/driver.hpp"

#include <chrono>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace distsys::app {

using parsed_value =
    std::variant<bool, std::int64_t, double, std::chrono::microseconds, std::uint64_t, std::string, endpoint, url>;

/// errc::invalid tells what would be right, and never holds a secret.
result<parsed_value> parse_value(const option& o, std::string_view text, std::span<const ports::driver> drivers);

/// "host:port", ":port", "[::1]:port"; the host stays empty where it was left out.
result<endpoint> parse_endpoint(std::string_view text);
std::string format_endpoint(const endpoint& e);

/// A list as it stands in a file or a variable: separated by commas; an item in double quotes may hold commas,
/// and \" and \\ for themselves.
result<std::vector<std::string>> split_list(std::string_view text);
/// What split_list() and the file's rules for a value read back as the same.
std::string quote(std::string_view text, bool in_list);

/// For people: secrets are "***", passwords inside URLs too.
std::string masked(const option& o, std::string_view text);
/// "HOST:PORT", "DURATION", "auto|check"
std::string placeholder(const option& o);
/// True when the driver's port is that of the option.
bool serves(const ports::driver& d, kind k) noexcept;

}  // namespace distsys::app
