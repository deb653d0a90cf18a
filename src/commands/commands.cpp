// The one table of commands.
#include "distsys/app/command.hpp"

namespace distsys::app {

std::span<const command_info> commands() { return {}; }

}  // namespace distsys::app
