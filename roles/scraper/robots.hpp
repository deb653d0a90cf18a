// The Robots Exclusion Protocol (RFC 9309): what a site lets us fetch. Pure; nothing in a file can make it fail.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace distsys::roles::scraper {

class robots {
 public:
  /// The rules for a product token ("distsys"): those of every group that names it, else those of "*". Reads the
  /// first 500 KiB.
  static robots parse(std::string_view text, std::string_view product);
  static robots allow_all() { return {}; }
  static robots disallow_all();

  /// `target` is a path with its query. The longest rule that fits decides; an allowing one wins a tie.
  bool allows(std::string_view target) const;

 private:
  struct rule {
    std::string pattern;  // normalised percent-encoding; '*' and a '$' at the end are special
    bool allow;
  };
  std::vector<rule> rules_;
};

}  // namespace distsys::roles::scraper
