// What the server's errors mean in the program's words.
#pragma once

#include "distsys/foundation/error.hpp"

#include <string_view>

namespace distsys::adapters::redis {

/// `text` is an error reply without its '-': "WRONGTYPE Operation against …". The detail holds the code and, where the
/// server's words cannot repeat what was sent, these.
error server_error(std::string_view text);

/// Does this error say that the connection leads to the wrong server, so that another should be looked for? (READONLY,
/// MASTERDOWN: after a failover.)
bool speaks_of_wrong_server(std::string_view text) noexcept;
bool is_unknown_script(std::string_view text) noexcept;  // NOSCRIPT

}  // namespace distsys::adapters::redis
