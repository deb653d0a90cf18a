// The role that fetches geographic events from their sources and stores them.
#pragma once

#include "distsys/app/role.hpp"

namespace distsys::roles::scraper {

extern const app::role_info role;

}  // namespace distsys::roles::scraper
