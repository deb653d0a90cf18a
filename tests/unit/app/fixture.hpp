// Two small roles, a load role and a command, and a way to load a configuration of them from texts.
#pragma once

#include "src/app/configuration.hpp"

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace distsys::app::test {

/// Drivers whose opening always fails: for everything that only looks at addresses.
const composition& parts();
const schema& keys();

struct loaded {
  configuration config;
  problems found;

  /// The value of "cache.listen" or "threads" as text; lists joined by '|'.
  std::string value(std::string_view name) const;
  const setting& at(std::string_view name) const;
  /// True when one problem is reported at `where` and its text holds `part`.
  bool tells(std::string_view where, std::string_view part) const;
};

struct given {
  std::vector<std::string> arguments;
  variables environment;
  std::map<std::string, std::string> files;
};
loaded load_from(const given& g);

}  // namespace distsys::app::test
