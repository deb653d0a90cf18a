// A command beside the roles: `distsys health`, `distsys migrate`.
#pragma once

#include "distsys/app/option.hpp"
#include "distsys/app/role.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace distsys::app {

enum exit_code : int {
  exit_ok = 0,
  exit_failed = 1,        // the command ran and the answer is no
  exit_usage = 64,        // sysexits.h: EX_USAGE
  exit_unavailable = 69,  // EX_UNAVAILABLE
  exit_bug = 70,          // EX_SOFTWARE
  exit_config = 78,       // EX_CONFIG
};

/// What a command sees: its own options as a role sees its own, and the chosen roles (all of them without --role), none
/// of which is made or started.
class command_context : public role_context {
 public:
  struct chosen_role {
    const role_info* info;
    role_context* context;  // opens a backend when it is asked for
  };
  virtual std::span<const chosen_role> chosen_roles() = 0;
};

struct command_info {
  std::string_view name;
  std::string_view summary;
  std::string_view usage;  // what follows the name: "[URL]"
  std::span<const option> options;
  /// Runs on loop 0. `words` is what is not an option. Returns an exit_code.
  awaitable<int> (*run)(command_context& context, std::vector<std::string> words);
  bool needs_data_dir = false;  // it opens backends: --data-dir is created
};

/// The one table of commands: src/commands/commands.cpp.
std::span<const command_info> commands();

}  // namespace distsys::app
