// Where the outcome goes: standard output, and the files that were asked for.
#pragma once

#include "distsys/foundation/error.hpp"
#include "report.hpp"

#include <cstdio>
#include <string>
#include <string_view>

namespace distsys::roles::loadgen {

void write_to(std::FILE* where, std::string_view text);
/// Replaces the file at once or not at all. errc::no_space, errc::unavailable name it.
result<void> write_file(const std::string& path, std::string_view bytes);

/// A line on a step of a search, for people.
std::string step_line(const search_step& s);
/// The summary on standard output; the JSON, the page and the HDR log where the plan asks for them.
result<void> write_all(const report& r, const plan& p, bool colours);

}  // namespace distsys::roles::loadgen
