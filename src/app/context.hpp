// What a role or a command is made from: its settings, its backends, and its place on the operations port.
#pragma once

#include "distsys/app/command.hpp"
#include "distsys/app/role.hpp"
#include "src/app/backends.hpp"
#include "src/app/configuration.hpp"

#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace distsys::app {

/// What the contexts of one process share. Pages and readiness are added while the roles are made, then only read.
struct shared_state {
  runtime::runtime& loops;
  std::filesystem::path data_dir;
  app::backends& backends;
  std::vector<std::pair<std::string, net::handler>> pages;
  struct readiness {
    std::string name;
    std::function<std::string()> check;
  };
  std::vector<readiness> checks;
};

/// Settings that may be replaced while others read them.
class live_settings {
 public:
  explicit live_settings(settings s) : current_(std::make_shared<const settings>(std::move(s))) {}
  std::shared_ptr<const settings> get() const;
  /// The names of changed options that are not reloadable.
  std::vector<std::string> reload(const settings& newer);

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const settings> current_;
};

class context final : public command_context {
 public:
  context(live_settings& own, live_settings& process, shared_state& shared)
      : own_(own), process_(process), shared_(shared) {}

  std::string_view role() const override { return own_.get()->of().name; }
  runtime::runtime& loops() override { return shared_.loops; }
  const std::filesystem::path& data_dir() const override { return shared_.data_dir; }

  bool given(std::string_view option) const override;
  bool flag(std::string_view option) const override;
  std::int64_t integer(std::string_view option) const override;
  double real(std::string_view option) const override;
  std::chrono::microseconds duration(std::string_view option) const override;
  std::uint64_t size(std::string_view option) const override;
  std::string text(std::string_view option) const override;
  std::vector<std::string> texts(std::string_view option) const override;
  app::endpoint endpoint(std::string_view option) const override;
  std::optional<url> address(std::string_view option) const override;
  std::vector<url> addresses(std::string_view option) const override;

  std::shared_ptr<ports::database> database(std::string_view option) override;
  std::shared_ptr<ports::kv_store> kv_store(std::string_view option) override;
  std::shared_ptr<ports::http_client> http_client(std::string_view option) override;
  net::http_server_options http_server(std::string_view listen_option) const override;
  awaitable<result<void>> migrate(ports::database& db, std::span<const ports::migration> migrations) override;
  void add_operations_page(std::string name, net::handler handle) override;
  void add_readiness(std::string name, std::function<std::string()> check) override;

  std::span<const chosen_role> chosen_roles() override { return chosen_; }
  void choose(std::vector<chosen_role> roles) { chosen_ = std::move(roles); }

  /// migrate() waits for a database that is not there yet, instead of failing.
  void be_patient() noexcept { patient_ = true; }
  /// Opens the backends of every option, so that all problems are told at once.
  std::vector<error> open_all();

 private:
  setting find(std::string_view option, std::initializer_list<kind> kinds) const;
  template <class T>
  T single(std::string_view option, std::initializer_list<kind> kinds) const;
  result<backends::object> open(std::string_view option, kind port);
  template <class Port>
  std::shared_ptr<Port> opened(std::string_view option, kind port);

  live_settings& own_;
  live_settings& process_;
  shared_state& shared_;
  std::vector<chosen_role> chosen_;
  bool patient_ = false;
};

}  // namespace distsys::app
