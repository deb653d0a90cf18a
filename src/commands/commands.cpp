// The one table of commands.
#include "src/commands/commands.hpp"

namespace distsys::app {

std::span<const command_info> commands() {
  static const command_info table[] = {distsys::commands::cache_sim, distsys::commands::health,
                                       distsys::commands::migrate};
  return table;
}

}  // namespace distsys::app
