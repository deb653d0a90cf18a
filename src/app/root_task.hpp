// The first coroutine of the process: runs the loops until it is done.
#pragma once

#include "distsys/runtime/runtime.hpp"

#include <boost/asio/co_spawn.hpp>

#include <exception>
#include <utility>

namespace distsys::app {

/// Runs `task` on loop 0, and the loops on this and their threads, until it is done. Rethrows what escapes it.
inline int run_root(runtime::runtime& loops, awaitable<int> task) {
  std::exception_ptr escaped;
  int code = 0;
  asio::co_spawn(loops.loop(0), std::move(task), [&](std::exception_ptr e, int result) {
    escaped = e;
    code = result;
    loops.stop();
  });
  loops.run();
  if (escaped) std::rethrow_exception(escaped);
  return code;
}

}  // namespace distsys::app
