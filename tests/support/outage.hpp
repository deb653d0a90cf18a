// What a call may say whose server, or the way to it, is gone.
#pragma once

#include "distsys/foundation/error.hpp"

namespace distsys::tests {

inline bool is_outage(errc code) {
  return code == errc::unavailable || code == errc::indeterminate || code == errc::timeout;
}

}  // namespace distsys::tests
