// How a role declares itself, and what it is made from.
#pragma once

#include "distsys/app/option.hpp"
#include "distsys/app/service.hpp"
#include "distsys/foundation/url.hpp"
#include "distsys/net/http_server.hpp"
#include "distsys/ports/database.hpp"
#include "distsys/ports/http_client.hpp"
#include "distsys/ports/kv_store.hpp"
#include "distsys/runtime/runtime.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace distsys::app {

struct endpoint {
  std::string host;
  std::uint16_t port = 0;
};

/// The settings of one role and its dependencies, opened. Options are asked for by their declared name, process-wide
/// ones too; another name or type throws std::logic_error (a bug). Settings may be read from any loop, at any time: a
/// reloadable one answers its newest value. Lives as long as the role's service.
class role_context {
 public:
  virtual ~role_context() = default;

  virtual std::string_view role() const = 0;
  virtual runtime::runtime& loops() = 0;
  virtual const std::filesystem::path& data_dir() const = 0;  // empty in a process without database and kv store

  /// True when the user gave a value (flag, environment or file).
  virtual bool given(std::string_view option) const = 0;
  virtual bool flag(std::string_view option) const = 0;
  virtual std::int64_t integer(std::string_view option) const = 0;
  virtual double real(std::string_view option) const = 0;
  virtual std::chrono::microseconds duration(std::string_view option) const = 0;
  virtual std::uint64_t size(std::string_view option) const = 0;
  virtual std::string text(std::string_view option) const = 0;  // text, path; secrets too
  virtual std::vector<std::string> texts(std::string_view option) const = 0;
  virtual distsys::app::endpoint endpoint(std::string_view option) const = 0;
  virtual std::optional<url> address(std::string_view option) const = 0;  // of kind::url
  virtual std::vector<url> addresses(std::string_view option) const = 0;

  /// Opened backends; equal URLs in one process are one object.
  virtual std::shared_ptr<ports::database> database(std::string_view option) = 0;
  virtual std::shared_ptr<ports::kv_store> kv_store(std::string_view option) = 0;
  virtual std::shared_ptr<ports::http_client> http_client(std::string_view option) = 0;

  /// An HTTP server's options from the role's `listen` option and the process-wide ones (TLS, trusted proxies, limits).
  virtual net::http_server_options http_server(std::string_view listen_option) const = 0;

  /// Applies migrations, or only checks them, as --migrate says.
  virtual awaitable<result<void>> migrate(ports::database& db, std::span<const ports::migration> migrations) = 0;

  /// Adds `GET /NAME` to the operations port, before the service starts.
  virtual void add_operations_page(std::string name, net::handler handle) = 0;
  /// Adds a line to /readyz beyond the opened backends. `check` is called on loop 0: empty means ready.
  virtual void add_readiness(std::string name, std::function<std::string()> check) = 0;
};

/// What a role keeps in one of its databases: `distsys migrate` applies it without starting the role.
struct role_migrations {
  std::string_view option;  // the url_database option
  std::span<const ports::migration> (*list)();
};

/// One entry of roles/roles.cpp.
struct role_info {
  std::string_view name;
  std::string_view summary;  // one line
  std::span<const option> options;
  std::unique_ptr<service> (*make)(role_context& context);
  bool part_of_all = true;
  std::span<const role_migrations> migrations = {};
  /// What is wrong with the settings together; opens nothing. --check-config asks it.
  result<void> (*check)(const role_context& context) = nullptr;
};

/// The one list of roles: roles/roles.cpp.
std::span<const role_info> roles();

}  // namespace distsys::app
