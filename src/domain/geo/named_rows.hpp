// Rows of many names: how they are asked for, so that each is found by the index whatever the server knows of its
// tables.
#pragma once

#include "distsys/ports/database.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace distsys::domain::geo {

/// "(?,?,?)" for n parameters.
std::string marks(std::size_t n);

/// How many parameters add_names() adds for the names from `from` on: one of a few sizes, so that a driver keeps each
/// statement prepared.
std::size_t names_padded(const std::vector<std::string>& names, std::size_t from);

/// Adds some of the names, and NULLs up to that size. `from` advances.
void add_names(ports::table& to, const std::vector<std::string>& names, std::size_t& from);

/// What stands behind FROM for the rows of a source whose `column` is one of `n` names: "(…) e". Its parameters are the
/// source and the names. The table has an index of (source, column).
std::string rows_by_name(ports::dialect d, std::string_view table, std::string_view column, std::size_t n);

}  // namespace distsys::domain::geo
