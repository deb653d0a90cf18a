// The options of the process itself: what runs, where it lives, and what every HTTP server shares.
#pragma once

#include "distsys/app/option.hpp"

#include <span>
#include <string_view>

namespace distsys::app {

std::span<const option> process_options();

/// True for what only makes sense as a flag: --help, --check-config and the like.
bool command_line_only(std::string_view name);
/// True for a flag whose value may be left out: --help and --help=ROLE.
bool value_is_optional(std::string_view name);

}  // namespace distsys::app
