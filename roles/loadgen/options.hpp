// What can be asked of the load generator.
#pragma once

#include "distsys/app/option.hpp"

#include <span>

namespace distsys::roles::loadgen {

/// In the order in which `--help=loadgen` tells them: what to ask, how much and when, which keys, what to make of it.
extern const std::span<const app::option> option_table;

}  // namespace distsys::roles::loadgen
