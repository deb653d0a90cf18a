// The name under which a process holds leases, from which others on its machine can tell that it is dead.
#pragma once

#include <string>
#include <string_view>

namespace distsys::roles::scraper {

/// "HOST-PID-START-WORLD-RANDOM": the process, when it started, and the boot and process namespace in which its number
/// means something. Unique: a second service in the process has another.
std::string make_lease_owner();

/// True only when it is certain: the owner was of this boot and namespace, and its process is gone.
bool is_dead(std::string_view owner);

}  // namespace distsys::roles::scraper
