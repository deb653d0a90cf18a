// The commands, each in its file.
#pragma once

#include "distsys/app/command.hpp"

namespace distsys::commands {

extern const app::command_info cache_sim;
extern const app::command_info health;
extern const app::command_info migrate;

}  // namespace distsys::commands
