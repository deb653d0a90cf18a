// The eighth role: greets over HTTP and keeps a table.
#pragma once

#include "distsys/app/role.hpp"

namespace distsys::roles::eighth {

extern const app::role_info role;

}  // namespace distsys::roles::eighth
