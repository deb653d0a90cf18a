// The three places where settings are given: a file, the environment, the command line. Each becomes assignments.
#pragma once

#include "src/app/problem.hpp"
#include "src/app/schema.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace distsys::app {

/// One key given in one place.
struct assignment {
  schema::key key;
  std::vector<std::string> values;  // one, unless the option is repeatable
  origin source;
};

/// "unknown key 'cahce.listen'; did you mean 'cache.listen'?"
std::string unknown(std::string_view what, std::string_view name, std::span<const std::string_view> candidates);

/// `key = value` lines; '#' begins a comment at the start of a line or after a space; a value in double quotes is taken
/// as it stands between them. UTF-8 of up to 1 MiB.
std::vector<assignment> read_file(const schema& keys, std::string_view file_name, std::string_view text, problems& out);

using variables = std::vector<std::pair<std::string, std::string>>;

/// Variables that begin with DISTSYS_; others are not looked at. What Kubernetes sets for a service that is named
/// distsys is passed over.
std::vector<assignment> read_environment(const schema& keys, const variables& environment, problems& out);

struct arguments {
  std::vector<assignment> given;
  const scope* command = nullptr;
  std::vector<assignment> command_options;  // their keys have the command as target
  std::vector<std::string> words;           // of the command

  /// The last value of a process-wide option; nothing when it was not given.
  std::optional<std::string> last(std::string_view process_option) const;
};

/// `chosen` are the roles that run: an option speaks to those that declare it, and one that speaks to none of them is a
/// problem. Empty: not known yet, every role is meant.
arguments read_arguments(const schema& keys, std::span<const std::string> words, std::span<const scope* const> chosen,
                         problems& out);

}  // namespace distsys::app
