// The role `loadgen`: asks an HTTP server, measures, reports, ends.
#pragma once

#include "distsys/app/role.hpp"

namespace distsys::roles::loadgen {

extern const app::role_info role;

}  // namespace distsys::roles::loadgen
