// Many rows into one table: a few executions of INSERT … SELECT FROM unnest(…), whose parameters are whole columns.
#pragma once

#include "distsys/ports/database.hpp"
#include "loop_pool.hpp"

#include <string>
#include <vector>

namespace distsys::adapters::postgres {

/// The batch that appends the rows; atomic when it is written. Asks the server for the types of the columns.
awaitable<result<ports::batch>> bulk_batch(loop_pool& pool, const ports::call_context& context, std::string table_name,
                                           std::vector<std::string> columns, ports::table rows);

}  // namespace distsys::adapters::postgres
