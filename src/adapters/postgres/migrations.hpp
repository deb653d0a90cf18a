// Which migrations a database has had, in its table schema_migrations(component, version, applied).
#pragma once

#include "distsys/ports/database.hpp"
#include "loop_pool.hpp"

#include <span>

namespace distsys::adapters::postgres {

/// Processes that come together wait for each other: an advisory lock.
awaitable<result<void>> apply_migrations(loop_pool& pool, const ports::call_context& context,
                                         std::span<const ports::migration> migrations);
/// errc::conflict names the first that is missing.
awaitable<result<void>> find_missing_migration(loop_pool& pool, const ports::call_context& context,
                                               std::span<const ports::migration> migrations);

}  // namespace distsys::adapters::postgres
