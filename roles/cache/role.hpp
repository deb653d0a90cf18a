// The cache: serves geographic events from memory, else from the database.
#pragma once

#include "distsys/app/role.hpp"

namespace distsys::roles::cache {

extern const app::role_info role;

}  // namespace distsys::roles::cache
