// SQLite's result codes as the program's.
#pragma once

#include "distsys/foundation/error.hpp"
#include "distsys/ports/first_words.hpp"

#include <sqlite3.h>

#include <string>
#include <string_view>

namespace distsys::adapters::sqlite {

using ports::first_words;

/// The connection's last failure. The text names the statement's first words and the file.
error make_error(sqlite3* db, int code, std::string_view sql, std::string_view file);

}  // namespace distsys::adapters::sqlite
