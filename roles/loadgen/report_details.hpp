// Of report.hpp: what is only in the JSON and the page: the course of the run, the percentile curve, the surroundings.
#pragma once

#include "distsys/foundation/json.hpp"
#include "report.hpp"

namespace distsys::roles::loadgen {

/// Adds "began", "timeline", "curve", "environment", and "find_max" when there was a search.
void add_details(json::object& out, const report& r);

/// Percentiles from 0 on, of which each step halves what is left to 100 in some ticks: as HdrHistogram prints them.
json::object curve_of(const histogram& h);

}  // namespace distsys::roles::loadgen
