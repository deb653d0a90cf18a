#include "src/app/sources.hpp"
#include "src/app/value.hpp"

#include <algorithm>

namespace distsys::app {
namespace {

constexpr std::string_view prefix = "DISTSYS_";

// Kubernetes gives every container NAME_SERVICE_HOST, NAME_PORT and their like for each service of its namespace; one
// that is named distsys must not stop us.
bool is_service_link(std::string_view name, std::string_view value) {
  const auto has = [&](std::string_view part) { return name.find(part) != std::string_view::npos; };
  if (name.ends_with("_SERVICE_HOST") || has("_SERVICE_PORT")) return true;
  const bool address = value.starts_with("tcp://") || value.starts_with("udp://") || value.starts_with("sctp://");
  return (name.ends_with("_PORT") && address) || (has("_PORT_") && (has("_TCP") || has("_UDP") || has("_SCTP")));
}

}  // namespace

std::vector<assignment> read_environment(const schema& keys, const variables& environment, problems& out) {
  const bool in_kubernetes = std::any_of(environment.begin(), environment.end(),
                                         [](const auto& v) { return v.first == "KUBERNETES_SERVICE_HOST"; });
  std::vector<assignment> found;
  for (const auto& [name, value] : environment) {
    if (!name.starts_with(prefix)) continue;
    const origin at{origin_kind::environment, name};
    assignment a{keys.find_environment(name), {}, at};
    if (a.key.declared == nullptr) {
      if (in_kubernetes && is_service_link(name, value)) continue;
      out.add(at, unknown("unknown variable", name, keys.variable_names()));
    } else if (a.key.declared->repeatable && !a.key.names_file) {
      auto items = split_list(value);
      if (items) {
        a.values = *std::move(items);
        found.push_back(std::move(a));
      } else {
        out.add(at, items.error().detail);
      }
    } else {
      a.values.push_back(value);
      found.push_back(std::move(a));
    }
  }
  return found;
}

}  // namespace distsys::app
