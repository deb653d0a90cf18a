// The effective values of one scope: what was decided between flag, environment, file and default.
#pragma once

#include "src/app/problem.hpp"
#include "src/app/schema.hpp"
#include "src/app/sources.hpp"
#include "src/app/value.hpp"

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace distsys::app {

struct setting {
  const option* declared = nullptr;
  std::vector<std::string> texts;    // as given; of a secret file: its content
  std::vector<parsed_value> values;  // one, or as many as were given of a repeatable one; none for "no value"
  origin source;
  std::string file;  // the secret came from this file

  bool given() const noexcept { return source.kind != origin_kind::standard; }
};

class settings {
 public:
  settings() = default;
  explicit settings(const scope& of) : of_(&of) {}

  const scope& of() const noexcept { return *of_; }
  std::span<const setting> all() const noexcept { return settings_; }
  const setting* find(std::string_view name) const noexcept;
  void add(setting s) { settings_.push_back(std::move(s)); }
  /// Takes over the newer values of reloadable options; the names of others that differ are returned.
  std::vector<std::string> reload(const settings& newer);

 private:
  const scope* of_ = nullptr;
  std::vector<setting> settings_;
};

using file_reader = std::function<result<std::string>(const std::string& path)>;

/// Checks every value that was given, for every scope that it speaks to, chosen or not.
void check_values(std::span<const assignment> given, const schema& keys, problems& out);

/// Decides: a key with a role's prefix beats a bare one whatever its source; then flag, environment, file, default.
/// Reads the files of secrets.
settings resolve(const scope& of, std::span<const assignment> given, const schema& keys, const file_reader& read,
                 problems& out);

}  // namespace distsys::app
