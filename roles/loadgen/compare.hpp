// Runs side by side, from the JSON that earlier ones wrote.
#pragma once

#include "distsys/foundation/error.hpp"
#include "page.hpp"

#include <span>
#include <string>
#include <vector>

namespace distsys::roles::loadgen {

/// errc::invalid names a file that is not a run's JSON, or says that there are fewer than two or more than six.
result<std::vector<shown_run>> read_runs(const std::vector<std::string>& paths);
/// A row a figure: each run's, and how far it is from the first one's.
std::string comparison_text(std::span<const shown_run> runs, bool colours);

/// Prints the table, and writes the page when `report` names a file.
result<void> compare_files(const std::vector<std::string>& paths, const std::string& report, bool colours);
result<void> check_compared(const std::vector<std::string>& paths);

}  // namespace distsys::roles::loadgen
