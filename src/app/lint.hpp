// --check-config: everything that can be known of a configuration without running it.
#pragma once

#include "src/app/configuration.hpp"

namespace distsys::app {

/// Opens every backend in an empty place, which connects to nothing, so that drivers judge their URLs. The exit code.
int check_configuration(const schema& keys, const configuration& c);
/// Opens every backend where it lives, pings it and prints a table. The exit code.
int check_connections(const schema& keys, const configuration& c);

}  // namespace distsys::app
