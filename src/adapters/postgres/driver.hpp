// Declares the database driver of PostgreSQL under its two schemes, `postgres:` and `postgresql:`.
#pragma once

#include "distsys/ports/driver.hpp"

namespace distsys::adapters::postgres {

extern const ports::driver postgres_driver;
extern const ports::driver postgresql_driver;

}  // namespace distsys::adapters::postgres
