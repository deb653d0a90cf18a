// How long to wait before the next attempt to connect: from 50 ms to 2 s, doubling, with jitter.
#pragma once

#include "distsys/runtime/random.hpp"

#include <algorithm>
#include <chrono>

namespace distsys::adapters::redis {

class backoff {
 public:
  /// Half of the step and a random part of the other half, so that many clients do not come back at the same moment.
  std::chrono::milliseconds next() {
    const auto step = std::min<std::int64_t>(longest, shortest << std::min(failures_, 10));
    ++failures_;
    return std::chrono::milliseconds(
        step / 2 + static_cast<std::int64_t>(runtime::thread_random().below(static_cast<std::uint64_t>(step / 2 + 1))));
  }
  void reset() noexcept { failures_ = 0; }

 private:
  static constexpr std::int64_t shortest = 50, longest = 2000;
  int failures_ = 0;
};

}  // namespace distsys::adapters::redis
