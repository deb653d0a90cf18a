#include "backends.hpp"

#include "tests/support/fresh_schema.hpp"
#include "tests/support/services.hpp"

#include <vector>

namespace distsys::tests {

namespace {

std::vector<database_backend> all_backends() {
  std::vector<database_backend> all{
      {"sqlite", [](const std::filesystem::path& folder) { return "sqlite:" + (folder / "test.db").string(); }, true}};
  if (service_url("postgres"))
    all.push_back({"postgres", [](const std::filesystem::path&) { return fresh_postgres_schema(); }});
  return all;
}

}  // namespace

std::span<const database_backend> database_backends() {
  static const std::vector<database_backend> all = all_backends();
  return all;
}

}  // namespace distsys::tests
