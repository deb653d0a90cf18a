// What a redis: or rediss: URL says.
#pragma once

#include "distsys/foundation/error.hpp"
#include "distsys/foundation/url.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace distsys::adapters::redis {

struct server_address {
  std::string host;  // a name or a literal; without brackets
  std::uint16_t port = 6379;
};

/// "host:port", "[::1]:port".
std::string format(const server_address& a);

struct options {
  /// The server; with `sentinel` the sentinels, which know the server. Empty: `socket`.
  std::vector<server_address> servers;
  std::string socket;    // path of a Unix socket
  std::string sentinel;  // the name of the master that the sentinels watch
  std::string user, password;
  std::string sentinel_user, sentinel_password;
  std::uint32_t database = 0;
  bool tls = false;
  bool verify = true;                               // the certificate's chain and name
  std::string ca;                                   // file of certificates; empty: the system's
  unsigned connections = 1;                         // of each loop
  std::chrono::milliseconds connect_timeout{2000};  // names, TLS and login included
  std::chrono::milliseconds timeout{5000};  // a server that is silent for so long while it owes answers is given up

  /// errc::invalid says what is wrong; unknown parameters are refused with a list of the known ones.
  static result<options> parse(const url& address);
  /// For texts: "127.0.0.1:6379/0", "/run/redis.sock", "master of one:26379,two:26379". Never a secret.
  std::string describe() const;
};

}  // namespace distsys::adapters::redis
