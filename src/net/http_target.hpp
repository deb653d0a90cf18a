// From a request target to a path and a query: absolute form, percent escapes, "." and "..".
#pragma once

#include "distsys/net/http_message.hpp"

#include <string>
#include <string_view>

namespace distsys::net {

/// Room for the paths that need rewriting; reused.
struct path_scratch {
  std::string raw, decoded;
};

/// Sets raw_path, path and query from request.target, which parse_head accepted. False: a broken or NUL escape.
bool split_target(http_request& request, path_scratch& scratch);

}  // namespace distsys::net
