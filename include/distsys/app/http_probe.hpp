// One question to an HTTP server that is ours, by an address: for commands that ask a running process.
#pragma once

#include "distsys/foundation/error.hpp"
#include "distsys/runtime/awaitable.hpp"
#include "distsys/runtime/clock.hpp"

#include <string>

namespace distsys::app {

struct probe_answer {
  int status = 0;
  std::string body;
};

/// GET, no redirects; every address of the name is tried. errc::invalid for what is no http: or https: URL,
/// errc::unavailable, errc::timeout at `limit`.
awaitable<result<probe_answer>> probe(std::string address, bool verify_certificate, runtime::deadline limit);

}  // namespace distsys::app
