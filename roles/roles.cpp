// The one list of roles.
#include "cache/role.hpp"
#include "distsys/app/role.hpp"
#include "loadgen/role.hpp"
#include "scraper/role.hpp"

namespace distsys::app {

std::span<const role_info> roles() {
  static const role_info table[] = {
      distsys::roles::cache::role,
      distsys::roles::loadgen::role,
      distsys::roles::scraper::role,
  };
  return table;
}

}  // namespace distsys::app
