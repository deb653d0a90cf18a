// The program: composes roles, drivers and commands, reads the configuration, runs, stops.
#pragma once

#include "distsys/app/command.hpp"
#include "distsys/app/role.hpp"
#include "distsys/ports/driver.hpp"

#include <span>

namespace distsys::app {

struct composition {
  std::span<const role_info> roles;
  std::span<const ports::driver> drivers;
  std::span<const command_info> commands;
};

/// The whole life of the process; returns its exit code. Called once, from main().
int run(const composition& parts, int argc, char** argv);

}  // namespace distsys::app
