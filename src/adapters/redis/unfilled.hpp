// A string to be read into, without writing zeros first: of a large value that would cost as much as its copy.
#pragma once

#include <cstddef>
#include <string>

namespace distsys::adapters::redis {

/// Its bytes are whatever was in the memory: write each before it is read.
std::string unfilled(std::size_t size);

}  // namespace distsys::adapters::redis
