// Declares the http_client port's drivers `http:` and `https:` (the same client) on libcurl.
#pragma once

#include "distsys/ports/driver.hpp"

namespace distsys::adapters::curl {

extern const ports::driver http_driver;
extern const ports::driver https_driver;

}  // namespace distsys::adapters::curl
