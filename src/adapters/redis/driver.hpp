// Declares the key-value drivers `redis:` and `rediss:` (the same with TLS).
#pragma once

#include "distsys/ports/driver.hpp"

namespace distsys::adapters::redis {

extern const ports::driver redis_driver;
extern const ports::driver rediss_driver;

}  // namespace distsys::adapters::redis
