// A file compiled into the binary.
#pragma once

#include <span>
#include <string_view>

namespace distsys {

struct asset {
  std::string_view name;   // as asked for in a URL: "leaflet.js"
  std::string_view bytes;  // lives as long as the process
};

}  // namespace distsys
