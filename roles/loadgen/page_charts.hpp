// The charts of a report page, from the JSON of its runs.
#pragma once

#include "page.hpp"

#include <span>
#include <string>

namespace distsys::roles::loadgen {

/// Sections with a heading each: latency, throughput, errors and hit ratio over time, and the percentile curve. What no
/// run measured has none.
std::string chart_sections(std::span<const shown_run> runs);

/// The course of a run, interval by interval, as a table that is folded away.
std::string course_table(const json::object& run);

}  // namespace distsys::roles::loadgen
