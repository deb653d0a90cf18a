// How a backend declares itself: the URL scheme, the library behind it, and the function that opens it.
#pragma once

#include "distsys/foundation/error.hpp"
#include "distsys/foundation/url.hpp"
#include "distsys/ports/database.hpp"
#include "distsys/ports/http_client.hpp"
#include "distsys/ports/kv_store.hpp"
#include "distsys/runtime/runtime.hpp"

#include <filesystem>
#include <memory>
#include <span>
#include <string_view>
#include <variant>

namespace distsys::ports {

/// What a driver may use. Lives as long as the process.
struct driver_environment {
  runtime::runtime& loops;
  std::filesystem::path data_dir;  // where embedded backends live; exists
};

/// Opening does not connect and does not block: the first call does. errc::invalid for a URL that the driver does not
/// understand (the text lists what it does).
template <class Port>
using open_function = result<std::shared_ptr<Port>> (*)(const url& address, const driver_environment& environment);

struct driver {
  std::string_view scheme;   // "sqlite"
  std::string_view library;  // "SQLite 3.40.1": shown by --version and the README's table
  std::string_view purpose;  // one line for --help
  std::string_view example;  // "sqlite:geo.db"
  std::variant<open_function<kv_store>, open_function<database>, open_function<http_client>> open;
};

/// The one table of drivers: src/adapters/drivers.cpp.
std::span<const driver> drivers();

}  // namespace distsys::ports
