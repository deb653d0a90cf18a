// The databases that the suite runs against: another driver is another line in backends.cpp.
#pragma once

#include <cstdint>
#include <filesystem>
#include <ostream>
#include <span>
#include <string>

namespace distsys::tests {

struct database_backend {
  std::string name;
  /// A URL of an empty database, in this folder when it is embedded; of a server, a database of its own. Throws when
  /// there is no server. `parameters` are put behind it as they are.
  std::string (*fresh)(const std::filesystem::path& folder);
  bool embedded = false;  // a file "test.db" in the folder: it can be filled up, damaged, and shared by processes
  std::string service{};  // the server behind it (tests/services); empty: none
};

inline std::ostream& operator<<(std::ostream& out, const database_backend& b) { return out << b.name; }

std::span<const database_backend> database_backends();

/// The port of a URL on 127.0.0.1, and the URL with another one.
std::uint16_t port_of(const std::string& address);
std::string with_port(const std::string& address, std::uint16_t port);

}  // namespace distsys::tests
