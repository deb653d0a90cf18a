// As src/main.cpp, with a list of roles that has one line more.
#include "distsys/app/application.hpp"
#include "tests/support/eighth_role/role.hpp"

#include <vector>

int main(int argc, char** argv) {
  const auto known = distsys::app::roles();
  std::vector<distsys::app::role_info> all(known.begin(), known.end());
  all.push_back(distsys::roles::eighth::role);
  return distsys::app::run({all, distsys::ports::drivers(), distsys::app::commands()}, argc, argv);
}
