// What was built.
#pragma once

#include <string>
#include <string_view>

namespace distsys {

/// The project's version, from CMake.
std::string_view version() noexcept;
/// The commit built from, with "-dirty" when the tree was changed; "unknown" outside a checkout.
std::string_view git_hash() noexcept;

}  // namespace distsys
