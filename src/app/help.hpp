// The texts that the tables give: --help, --version, a template file, the reference in Markdown, completions.
#pragma once

#include "distsys/foundation/json.hpp"
#include "src/app/schema.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace distsys::app {

/// Fits a screen of 24 lines of 80 columns.
std::string short_help(const schema& keys);
/// Of a role, a command, or "process"; "markdown" is the reference of everything. Nothing for another topic.
std::optional<std::string> help_on(const schema& keys, std::string_view topic);
std::vector<std::string_view> help_topics(const schema& keys);

std::string version_text(const schema& keys);
/// The same for programs: {"version", "commit", "compiler", "libraries": {"Boost": "1.81.0", "sqlite:": …}}.
json::object version_json(const schema& keys);
std::string role_list(const schema& keys);
/// A configuration file that changes nothing: every key with its default, commented.
std::string config_template(const schema& keys, std::span<const scope* const> roles);
std::string markdown(const schema& keys);
std::string bash_completion(const schema& keys);

}  // namespace distsys::app
