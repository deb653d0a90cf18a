// What can be configured: one declaration is the source of the flag, the environment variable, the file key, the help,
// the checks, the completions and the documentation.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>

namespace distsys::app {

enum class kind : std::uint8_t {
  flag,  // true or false; `--name` alone means true
  integer,
  real,
  duration,  // "250ms", "5s", "1h"
  size,      // "64KiB", "1MiB"
  text,
  path,          // relative to where the process was started
  endpoint,      // "host:port", or ":port" where --host fills in the host
  url,           // of an input or a target; its schemes are in `allowed`, if any
  url_kv_store,  // a backend, opened for the role; declares NAME-password with it, which is a secret
  url_database,
  url_http_client,
};

/// A table of these is constexpr data beside its role. Options of several roles may share a name (a bare key then
/// speaks to all of them) when all or none of them are flags. A name of a process-wide option, or one that ends in
/// "-file" beside a secret of the same stem, is refused at start-up (a bug).
struct option {
  std::string_view name;  // lower case, words joined by '-'
  kind type;
  std::string_view default_value;  // as a user would write it; empty: none
  std::string_view help;           // one line, no full stop

  char shorthand = 0;                              // -c
  bool repeatable = false;                         // may be given several times; file: a list, separated by commas
  bool secret = false;                             // masked everywhere; `NAME-file` is declared with it
  bool reloadable = false;                         // takes effect on SIGHUP
  bool optional = false;                           // of a backend: without it the role is degraded, not unready
  std::span<const std::string_view> allowed = {};  // values (text) or schemes (url)
  double minimum = -std::numeric_limits<double>::infinity();  // of integer, real, duration (seconds), size (bytes)
  double maximum = std::numeric_limits<double>::infinity();
  /// What is wrong with a value that its kind allows; empty when it is good. Asked of each effective value that is not
  /// empty, of every chosen role. Never repeats a secret.
  std::string (*check)(std::string_view value) = nullptr;

  constexpr option with_shorthand(char c) const {
    option o = *this;
    o.shorthand = c;
    return o;
  }
  constexpr option as_repeatable() const {
    option o = *this;
    o.repeatable = true;
    return o;
  }
  constexpr option as_secret() const {
    option o = *this;
    o.secret = true;
    return o;
  }
  constexpr option as_reloadable() const {
    option o = *this;
    o.reloadable = true;
    return o;
  }
  constexpr option as_optional() const {
    option o = *this;
    o.optional = true;
    return o;
  }
  constexpr option one_of(std::span<const std::string_view> values) const {
    option o = *this;
    o.allowed = values;
    return o;
  }
  constexpr option between(double low, double high) const {
    option o = *this;
    o.minimum = low;
    o.maximum = high;
    return o;
  }
  constexpr option at_least(double low) const {
    option o = *this;
    o.minimum = low;
    return o;
  }
  constexpr option checked_by(std::string (*what_is_wrong)(std::string_view value)) const {
    option o = *this;
    o.check = what_is_wrong;
    return o;
  }
};

/// Checks for the tables: a file that can be read. A relative path is one from where the process was started.
std::string readable_file(std::string_view path);

}  // namespace distsys::app
