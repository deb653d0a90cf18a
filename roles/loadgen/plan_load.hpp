// Of plan.hpp: how much is sent and when, and what is made of the outcome.
#pragma once

#include "plan.hpp"

#include <string>
#include <string_view>

namespace distsys::roles::loadgen {

/// Fills in the load, after the requests. errc::invalid says what is wrong or does not go together.
result<void> read_load(plan& p, const app::role_context& s);

/// For the option's check: what is wrong with "constant:500", "file:PATH", "log:PATH"; empty when nothing is.
std::string wrong_with_arrivals(std::string_view text);

}  // namespace distsys::roles::loadgen
