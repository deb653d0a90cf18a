// SQL as the port writes it, with `?`, into PostgreSQL's, with `$1`; and what a batch may not hold.
#pragma once

#include "distsys/foundation/error.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace distsys::adapters::postgres {

struct numbered_sql {
  std::string text;
  std::size_t parameters = 0;
};

/// Numbers each `?` that stands neither in quotes nor in a comment.
numbered_sql number_parameters(std::string_view sql);

/// errc::invalid for what begins or ends a transaction, or turns the connection to another protocol (COPY).
result<void> check_statement(std::string_view sql);

/// An INSERT whose rows are parameters and whole numbers alone, in parts.
struct row_insert {
  std::string head;                 // "INSERT INTO item (id, name, revision)"
  std::vector<std::string> values;  // "?" or the number
  std::string tail;                 // nothing, or "ON CONFLICT … DO NOTHING"
};
/// Nothing for any other statement, and for any that is written less plainly.
std::optional<row_insert> parse_row_insert(std::string_view sql);

/// The same INSERT of many rows: each parameter is the array of a column. `types` are their names, "bigint[]", in
/// order.
std::string insert_of_arrays(const row_insert& insert, const std::vector<std::string_view>& types);

/// A script's statements: separated by ';' at the ends of lines.
std::vector<std::string> split_script(std::string_view script);

/// A name as SQL quotes it: whatever it holds, it stays a name.
std::string quote_name(std::string_view name);

}  // namespace distsys::adapters::postgres
