// How a port guards the calls to a backend across a network: when it stops asking, and what it asks once more.
#pragma once

#include <chrono>
#include <cstdint>

namespace distsys::ports {

/// Given to a port's constructor. The default guards nothing, and costs nothing: embedded drivers have no network.
struct resilience {
  /// The breaker opens after so many tries in a row that ended `unavailable`, or twice as many that ended `timeout`
  /// (a short deadline is the caller's); one that ends otherwise begins the row anew. Those that were under way when
  /// one failed count with it as one: they may have shared a connection. 0: no breaker. While it is open
  /// calls answer `unavailable` at once; then one call, or any ping, tries whether the backend is back.
  std::uint32_t failures_until_open = 0;
  std::chrono::milliseconds shortest_pause{100}, longest_pause{5000};  // grows from one to the other, with jitter

  /// Further tries of an idempotent call that ended `unavailable`, each after up to twice the backoff of the one
  /// before, inside the call's deadline and the retry budget (a tenth of the calls).
  std::uint32_t more_tries = 0;
  std::chrono::milliseconds first_backoff{5};

  static constexpr resilience remote() {
    resilience r;
    r.failures_until_open = 5;
    r.more_tries = 2;
    return r;
  }
};

}  // namespace distsys::ports
