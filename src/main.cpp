// Composes the roles, the drivers and the commands, and runs.
#include "distsys/app/application.hpp"

int main(int argc, char** argv) {
  return distsys::app::run({distsys::app::roles(), distsys::ports::drivers(), distsys::app::commands()}, argc, argv);
}
