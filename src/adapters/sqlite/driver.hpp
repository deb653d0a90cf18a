// Declares the embedded database driver `sqlite:`.
#pragma once

#include "distsys/ports/driver.hpp"

namespace distsys::adapters::sqlite {

extern const ports::driver database_driver;

}  // namespace distsys::adapters::sqlite
