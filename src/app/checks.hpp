// Checks for the process's own options; see option::check.
#pragma once

#include <string>
#include <string_view>

namespace distsys::app {

std::string valid_origin(std::string_view text);       // of CORS: "*" or scheme://host[:port]
std::string valid_proxy_block(std::string_view text);  // an address or a CIDR block

}  // namespace distsys::app
