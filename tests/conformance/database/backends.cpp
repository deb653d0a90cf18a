#include "backends.hpp"

namespace distsys::tests {

std::span<const database_backend> database_backends() {
  static const database_backend all[] = {
      {"sqlite", [](const std::filesystem::path& folder) { return "sqlite:" + (folder / "test.db").string(); }, true},
  };
  return all;
}

}  // namespace distsys::tests
