// A query on the connections that queries share.
#pragma once

#include "distsys/ports/database.hpp"
#include "loop_pool.hpp"

namespace distsys::adapters::postgres {

awaitable<result<ports::table>> read(loop_pool& pool, const ports::call_context& context, ports::statement s,
                                     ports::read_options limits);

/// On one connection, which the caller has to itself.
awaitable<result<ports::table>> read_on(session& on, shape_catalog& shapes, const std::string& label,
                                        const ports::call_context& context, ports::statement s);

/// Asks the server for the types of a statement that are not known.
awaitable<result<void>> describe(session& on, const std::shared_ptr<statement_shape>& shape,
                                 const ports::call_context& context, const std::string& label, bool shared);

awaitable<result<void>> probe(loop_pool& pool, const ports::call_context& context);

}  // namespace distsys::adapters::postgres
