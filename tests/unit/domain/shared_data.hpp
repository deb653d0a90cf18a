// The real recordings that lie beside the project on developers' machines: tests that need them say so and pass when
// they are absent.
#pragma once

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>

namespace distsys::tests {

/// The file's bytes; nothing, and a warning in the output, when it is not there.
inline std::optional<std::string> shared_data(const std::string& name) {
  const char* set = std::getenv("DISTSYS_SHARED_DATA");
  const std::filesystem::path root =
      set != nullptr ? std::filesystem::path(set) : std::filesystem::path(DISTSYS_SOURCE_DIR) / "../shared/data";
  std::ifstream in(root / name, std::ios::binary);
  if (!in) {
    WARN("SKIPPED: " << (root / name).string() << " is not there");
    return std::nullopt;
  }
  return std::string(std::istreambuf_iterator<char>(in), {});
}

}  // namespace distsys::tests
