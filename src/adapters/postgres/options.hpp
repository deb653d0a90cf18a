// What a `postgres:` URL may say.
#pragma once

#include "distsys/foundation/error.hpp"
#include "distsys/foundation/url.hpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace distsys::adapters::postgres {

struct endpoint {
  std::string host;  // a name, an address, or the folder of a Unix socket
  std::string port;
};

struct options {
  std::vector<endpoint> hosts;  // tried in this order
  std::string user, password, database;
  std::vector<std::pair<std::string, std::string>> passed;  // to libpq as they are
  std::size_t readers = 4;                                  // connections a loop whose queries share them
  std::size_t writers = 4;                                  // connections a loop for batches and transactions
  std::size_t queue = 1024;                                 // calls a loop that may be under way, or wait
  std::chrono::milliseconds connect_timeout{5'000};
  std::chrono::milliseconds transaction_limit{10'000};  // how long an interactive transaction may stand idle
  std::string label;                                    // "127.0.0.1:5432/geo": for texts; no secret
};

/// errc::invalid names what is wrong, and lists what is known.
result<options> parse_options(const url& address);

}  // namespace distsys::adapters::postgres
