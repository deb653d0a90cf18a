// Asks the server to end what a connection runs. PQcancel blocks: it has a thread of its own.
#pragma once

#include "distsys/runtime/awaitable.hpp"
#include "distsys/runtime/blocking_lane.hpp"

#include <libpq-fe.h>

#include <functional>

namespace distsys::adapters::postgres {

class canceller {
 public:
  /// `done` runs on `where` when the request has been delivered, or could not be: from then on it can hit nothing that
  /// is sent later. Any thread; bounded.
  void cancel(PGconn* connection, executor where, std::function<void()> done);

 private:
  runtime::blocking_lane lane_{"pg-cancel", 256};
};

}  // namespace distsys::adapters::postgres
