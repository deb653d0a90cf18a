// Compiled as C++23 (CMakeLists.txt), which has resize_and_overwrite.
#include "unfilled.hpp"

namespace distsys::adapters::redis {

std::string unfilled(std::size_t size) {
  std::string s;
  s.resize_and_overwrite(size, [](char*, std::size_t n) { return n; });
  return s;
}

}  // namespace distsys::adapters::redis
