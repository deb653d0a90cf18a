// Everything that is wrong with a configuration, collected so that one run tells all of it.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace distsys::app {

/// Where a value came from, weakest first.
enum class origin_kind { standard, file, environment, flag };

struct origin {
  origin_kind kind = origin_kind::standard;
  std::string where;  // "default", "all.conf:12", "DISTSYS_LISTEN", "--listen"

  friend bool operator==(const origin&, const origin&) = default;
};

struct problem {
  origin source;
  std::string text;
};

/// Bounded: a file of garbage gives the first hundred and a count.
class problems {
 public:
  static constexpr std::size_t limit = 100;

  void add(origin source, std::string text);
  bool empty() const noexcept { return found_.empty(); }
  /// By source, weakest first, and by line.
  const std::vector<problem>& found() const noexcept { return found_; }

  /// exit_usage when the command line has a share in it, else exit_config.
  int exit_code() const noexcept;
  /// One line a problem, "where: what"; control characters are escaped.
  std::string report() const;

 private:
  std::vector<problem> found_;
  std::size_t left_out_ = 0;
  bool usage_ = false;
};

}  // namespace distsys::app
