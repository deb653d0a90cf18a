// What this process was told to do: the chosen roles or command, and the settings of each.
#pragma once

#include "distsys/foundation/json.hpp"
#include "src/app/settings.hpp"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace distsys::app {

/// Where a configuration is read from; tests give their own.
struct inputs {
  std::vector<std::string> arguments;  // without the program's name
  variables environment;
  file_reader read;
};

/// Of this process.
inputs process_inputs(int argc, char** argv);
result<std::string> read_whole_file(const std::string& path);

struct configuration {
  settings process;
  std::vector<settings> roles;  // of the chosen ones, in the order of the table
  bool roles_given = false;     // else they are all of the table
  const scope* command = nullptr;
  settings command_settings;
  std::vector<std::string> words;  // of the command
};

/// Every problem is added to `out`; the configuration is whole only when there was none.
configuration load(const schema& keys, const inputs& from, problems& out);

/// In the form of a configuration file, each value with its source; secrets are masked.
std::string print(const configuration& c);
/// One scope for programs: {"listen": {"value": …, "source": …}}; secrets are masked.
json::object to_json(const settings& of);

}  // namespace distsys::app
