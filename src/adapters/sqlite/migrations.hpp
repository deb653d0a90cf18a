// Which migrations a SQLite file has had, in its table schema_migrations(component, version, applied).
#pragma once

#include "connection.hpp"
#include "distsys/ports/database.hpp"

#include <span>

namespace distsys::adapters::sqlite {

/// The lock file is held.
result<void> apply_migrations(connection& c, std::span<const ports::migration> migrations);
/// errc::conflict names the first that is missing.
result<void> find_missing_migration(connection& c, std::span<const ports::migration> migrations);

}  // namespace distsys::adapters::sqlite
