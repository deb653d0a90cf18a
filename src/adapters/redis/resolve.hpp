// Names to addresses, within a time.
#pragma once

#include "distsys/foundation/error.hpp"
#include "distsys/runtime/awaitable.hpp"
#include "distsys/runtime/clock.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace distsys::adapters::redis {

/// The addresses of a name or of a literal. errc::unavailable, also at the limit; errc::cancelled.
awaitable<result<std::vector<asio::ip::tcp::endpoint>>> resolve(std::string host, std::uint16_t port,
                                                                runtime::deadline limit);

}  // namespace distsys::adapters::redis
