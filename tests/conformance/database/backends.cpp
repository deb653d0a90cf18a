#include "backends.hpp"

#include "distsys/foundation/url.hpp"
#include "tests/support/fresh_schema.hpp"
#include "tests/support/services.hpp"

#include <vector>

namespace distsys::tests {

namespace {

std::vector<database_backend> all_backends() {
  std::vector<database_backend> all{
      {"sqlite", [](const std::filesystem::path& folder) { return "sqlite:" + (folder / "test.db").string(); }, true}};
  if (service_url("postgres"))
    all.push_back(
        {"postgres", [](const std::filesystem::path&) { return fresh_postgres_schema(); }, false, "postgres"});
  return all;
}

}  // namespace

std::span<const database_backend> database_backends() {
  static const std::vector<database_backend> all = all_backends();
  return all;
}

std::uint16_t port_of(const std::string& address) { return url::parse(address)->port().value_or(0); }

std::string with_port(const std::string& address, std::uint16_t port) {
  const std::string before = ":" + std::to_string(port_of(address)) + "/";
  std::string changed = address;
  return changed.replace(changed.find(before), before.size(), ":" + std::to_string(port) + "/");
}

}  // namespace distsys::tests
