// The count of open connections, taken when one is accepted and given back when its coroutine ends.
#pragma once

#include "http_server_state.hpp"

namespace distsys::net {

class open_connection {
 public:
  open_connection(server_state& server, server_loop& part, bool refused)
      : server_(server), part_(part), refused_(refused) {}
  ~open_connection() {
    if (refused_) {
      server_.refused_open.fetch_sub(1, std::memory_order_relaxed);
      return;
    }
    server_.connections.fetch_sub(1, std::memory_order_relaxed);
    part_.connections.fetch_sub(1, std::memory_order_relaxed);
  }
  open_connection(const open_connection&) = delete;
  open_connection& operator=(const open_connection&) = delete;

 private:
  server_state& server_;
  server_loop& part_;
  bool refused_;
};

}  // namespace distsys::net
