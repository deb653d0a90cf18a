// SQL as the port writes it, with `?`, into PostgreSQL's, with `$1`; and what a batch may not hold.
#pragma once

#include "distsys/foundation/error.hpp"

#include <cstddef>
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

/// A script's statements: separated by ';' at the ends of lines.
std::vector<std::string> split_script(std::string_view script);

/// A name as SQL quotes it: whatever it holds, it stays a name.
std::string quote_name(std::string_view name);

}  // namespace distsys::adapters::postgres
