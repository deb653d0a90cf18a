// What the pages of several roles share: styles and icons, compiled in.
#pragma once

#include "distsys/foundation/asset.hpp"

#include <span>

namespace distsys::web {

/// Serve them at /web/, where pages expect them.
std::span<const asset> assets();

}  // namespace distsys::web
