// A store that reaches its server through a proxy that does what it is told.
#pragma once

#include "store.hpp"

#include "tests/support/fault_peer.hpp"
#include "tests/support/loops.hpp"

#include <string>

namespace distsys::tests {

/// Closed when destroyed.
struct store_behind_peer {
  /// `server`: its URL; `parameters` are added to it.
  explicit store_behind_peer(const std::string& server, const std::string& parameters = {})
      : peer(url::parse(server)->port().value()), store(open_store(loops.get(), through(server, parameters))) {}
  ~store_behind_peer() { loops.run(close_store(*store)); }
  store_behind_peer(const store_behind_peer&) = delete;
  store_behind_peer& operator=(const store_behind_peer&) = delete;

  running_loops loops{1};
  fault_peer peer;
  std::shared_ptr<ports::kv_store> store;

 private:
  std::string through(std::string address, const std::string& parameters) const {
    const auto port = std::to_string(url::parse(address)->port().value());
    address.replace(address.find(":" + port + "/"), port.size() + 1, ":" + std::to_string(peer.port()));
    if (parameters.empty()) return address;
    return address + (address.find('?') == std::string::npos ? "?" : "&") + parameters;
  }
};

}  // namespace distsys::tests
