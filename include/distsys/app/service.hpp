// A running role.
#pragma once

#include "distsys/foundation/error.hpp"
#include "distsys/runtime/awaitable.hpp"
#include "distsys/runtime/clock.hpp"

#include <string>
#include <vector>

namespace distsys::app {

/// Every member is called on loop 0. The order: start, run, [drain, cancellation of run,] stop.
class service {
 public:
  virtual ~service() = default;

  /// Ready when it returns. An error ends the process: errc::invalid with exit code 78; what the world refused
  /// (unavailable, timeout, already_exists for a taken address, permission_denied, no_space, conflict for a missing
  /// migration, …) with 69; internal and corrupt with 70.
  virtual awaitable<result<void>> start() = 0;
  /// Until cancelled (success), done (success: a process whose services are all done exits 0), or broken.
  virtual awaitable<result<void>> run() = 0;
  /// Takes no new work and finishes what was accepted. Returns when that is done or at `limit`.
  virtual awaitable<void> drain(runtime::deadline limit) = 0;
  /// After run() has ended: releases everything.
  virtual awaitable<void> stop() = 0;

  /// What the process exits with when run() ended by itself and every service succeeded: the greatest of all counts.
  /// For roles that are jobs and whose answer may be "no" (exit_failed).
  virtual int exit_code() const { return 0; }

  /// Where it can be reached, for the start-up log and the quickstart: {"http://127.0.0.1:5000/"}.
  virtual std::vector<std::string> addresses() const { return {}; }
};

}  // namespace distsys::app
