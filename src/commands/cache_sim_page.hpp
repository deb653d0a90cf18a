// The comparison of policies as a page: one file, charts as inline SVG, no request to anywhere.
#pragma once

#include "distsys/caching/eviction.hpp"
#include "src/commands/cache_sim_matrix.hpp"

#include <span>
#include <string>

namespace distsys::commands {

/// HTML, UTF-8. A chart and a table a panel; light and dark as the reader's system has it.
std::string comparison_page(std::span<const comparison_panel> panels, std::span<const caching::eviction> policies);

}  // namespace distsys::commands
