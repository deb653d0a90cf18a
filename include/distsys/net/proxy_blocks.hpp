// What http_server_options::trusted_proxies takes.
#pragma once

#include <string_view>

namespace distsys::net {

/// True for an address or a CIDR block.
bool is_proxy_block(std::string_view text);

}  // namespace distsys::net
