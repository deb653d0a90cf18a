// How far what was written has come: a slow network is no dead one.
#pragma once

#include "stream.hpp"

#include "distsys/runtime/clock.hpp"

#include <cstddef>

namespace distsys::adapters::redis {

/// The system takes megabytes at once and sends them long after: so it is asked how much the other side has confirmed.
/// Used on the connection's loop only.
class upload {
 public:
  /// The system has taken bytes of a large write.
  void moved(stream& s) {
    last_ = runtime::steady_now();
    unconfirmed_ = s.unconfirmed();
  }
  /// Has the other side confirmed some since this was asked, or moved() called, last?
  bool moves(stream& s) {
    const std::size_t before = unconfirmed_;
    unconfirmed_ = s.unconfirmed();
    if (unconfirmed_ >= before) return false;
    last_ = runtime::steady_now();
    return true;
  }
  /// When bytes were last seen to move.
  runtime::deadline last() const noexcept { return last_; }

 private:
  std::size_t unconfirmed_ = 0;
  runtime::deadline last_{};
};

}  // namespace distsys::adapters::redis
