// `mapped+https://…#NAME`: any JSON feed, read as a mapping file says (`--scraper.mapping [NAME=]FILE`).
#pragma once

#include "source_http.hpp"

#include "distsys/domain/geo/mapping.hpp"

#include <functional>
#include <map>

namespace distsys::roles::scraper {

/// The mappings of a process, by the name of the source that each is for. Immutable once loaded.
class mapping_set {
 public:
  /// Reads the files; blocks: for start-up. "FILE" is for the source that it names itself, "NAME=FILE" for NAME.
  /// errc::invalid, with what is wrong with each file.
  static result<mapping_set> load(const std::vector<std::string>& texts);

  /// nullptr when there is none of that name.
  std::shared_ptr<const domain::geo::mapping> find(std::string_view name) const;
  std::string names() const;  // "eonet, nws"; "none"
  bool empty() const noexcept { return known_.empty(); }

 private:
  std::map<std::string, std::shared_ptr<const domain::geo::mapping>, std::less<>> known_;
};

/// For the option table: errc::invalid for an address without a host or a #NAME.
result<void> check_mapped_address(const url& address);

/// The feed of one address, asked as it is; events outside the areas are left out. errc::invalid when no mapping has
/// its #NAME. Several addresses may share a name: one mapping, to which an id is one thing.
result<std::vector<std::unique_ptr<feed>>> make_mapped_feeds(const url& address, const mapping_set& mappings,
                                                             const std::vector<watched_area>& areas,
                                                             const std::vector<source_header>& headers,
                                                             const std::shared_ptr<site_visitor>& visitor);

}  // namespace distsys::roles::scraper
