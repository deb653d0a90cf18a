// The report as a page of HTML that needs nothing else: no script from elsewhere, no request.
#pragma once

#include "distsys/foundation/json.hpp"

#include <span>
#include <string>

namespace distsys::roles::loadgen {

/// A run as its JSON tells it, and how it is called beside others.
struct shown_run {
  std::string name;
  json::object data;
};

/// One run, or two to six drawn together. Every text that comes from outside is escaped; members that are absent or of
/// another type are left out.
std::string as_page(std::span<const shown_run> runs);

}  // namespace distsys::roles::loadgen
