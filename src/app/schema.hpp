// Every key that can be configured: the tables of the process, the roles and the commands, indexed by name.
#pragma once

#include "distsys/app/application.hpp"
#include "distsys/app/option.hpp"

#include <deque>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace distsys::app {

/// The options of the process, of a role or of a command, with those that follow from them (NAME-password).
struct scope {
  enum class type { process, role, command };
  type what = type::process;
  std::string_view name;  // empty for the process
  std::string_view summary;
  std::vector<option> options;
  const role_info* role = nullptr;
  const command_info* command = nullptr;

  const option* find(std::string_view option_name) const noexcept;
};

/// Built once from the composition; throws std::logic_error when the tables contradict each other (a bug). Its
/// addresses are stable.
class schema {
 public:
  explicit schema(const composition& parts);
  schema(const schema&) = delete;
  schema& operator=(const schema&) = delete;

  const scope& process() const noexcept { return scopes_.front(); }
  std::span<const scope* const> roles() const noexcept { return roles_; }
  std::span<const scope* const> commands() const noexcept { return commands_; }
  const scope* find_role(std::string_view name) const noexcept;
  const scope* find_command(std::string_view name) const noexcept;
  std::span<const ports::driver> drivers() const noexcept { return drivers_; }

  /// What "listen", "cache.listen" or "cache.password-file" speaks to.
  struct key {
    std::string prefix;                 // of a role; empty for a bare key
    std::string name;                   // of the option
    bool names_file = false;            // the value stands in a file: NAME-file of a secret
    std::vector<const scope*> targets;  // the scopes that declare it; never empty when found
    const option* declared = nullptr;   // as the first target declares it
  };
  /// `key.declared` is null when no such key exists. Options of commands are not keys.
  key find(std::string_view full_name) const;
  /// The key behind an environment variable's name.
  key find_environment(std::string_view variable) const;

  /// All of the keys' names, for suggestions.
  std::span<const std::string_view> key_names() const noexcept { return key_views_; }
  std::span<const std::string_view> variable_names() const noexcept { return variable_views_; }

 private:
  void add_scope(scope s, std::span<const option> declared);
  void add_derived(scope& s, const option& o);
  void check() const;
  void index();
  void add_key(const std::string& name);

  std::deque<std::string> texts_;  // names of derived options
  std::deque<scope> scopes_;
  std::vector<const scope*> roles_, commands_;
  std::span<const ports::driver> drivers_;
  std::map<std::string, std::string, std::less<>> variables_;  // variable -> key name
  std::deque<std::string> key_names_;
  std::vector<std::string_view> key_views_, variable_views_;
};

/// "cache.max-age" -> "DISTSYS_CACHE_MAX_AGE"
std::string environment_name(std::string_view key_name);
/// True for what opens a backend through a driver.
bool is_backend(kind k) noexcept;

}  // namespace distsys::app
