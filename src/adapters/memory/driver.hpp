// Declares the embedded key-value driver `memory:`.
#pragma once

#include "distsys/ports/driver.hpp"

namespace distsys::adapters::memory {

extern const ports::driver kv_store_driver;

}  // namespace distsys::adapters::memory
