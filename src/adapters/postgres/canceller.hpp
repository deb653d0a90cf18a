// Asks the server to end what a connection runs. PQcancel blocks: it has a thread of its own.
#pragma once

#include "distsys/runtime/awaitable.hpp"

#include <libpq-fe.h>

#include <functional>
#include <memory>

namespace distsys::adapters::postgres {

/// One request at a time. PQcancel has no time limit: a server that is frozen holds its thread for as long as it is.
/// So nobody may depend on `done`, and who ends this object leaves such a thread behind.
class canceller {
 public:
  canceller();
  /// Requests that wait are dropped. Waits a second for one under way; a thread that is held longer is detached, as
  /// the only one of the program: it holds nothing of others by then, and its `done` is not called.
  ~canceller();
  canceller(const canceller&) = delete;
  canceller& operator=(const canceller&) = delete;

  /// `done` runs on `where` when the request has been delivered, or could not be: from then on it can hit nothing that
  /// is sent later. A request is dropped, and `done` with it, when `wanted` is gone before its turn. Any thread;
  /// bounded.
  void cancel(PGconn* connection, std::weak_ptr<const void> wanted, const executor& where, std::function<void()> done);

 private:
  struct state;
  const std::shared_ptr<state> state_;
};

}  // namespace distsys::adapters::postgres
