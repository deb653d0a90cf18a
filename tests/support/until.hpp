// Waits for what other threads bring about.
#pragma once

#include "distsys/runtime/clock.hpp"

#include <chrono>
#include <thread>

namespace distsys::tests {

/// Waits for it up to 30 s; did it come true?
template <class F>
bool until(F condition) {
  const auto limit = runtime::steady_now() + std::chrono::seconds(30);
  while (runtime::steady_now() < limit) {
    if (condition()) return true;
    std::this_thread::yield();
  }
  return false;
}

}  // namespace distsys::tests
