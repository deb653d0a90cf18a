// A batch: all of it in one pipeline, BEGIN to COMMIT, on a connection of its own.
#pragma once

#include "distsys/ports/database.hpp"
#include "loop_pool.hpp"

namespace distsys::adapters::postgres {

awaitable<result<ports::batch_outcome>> write(loop_pool& pool, const ports::call_context& context, ports::batch b);

/// One statement within a transaction that is open on this connection; the rows that it affected.
awaitable<result<std::uint64_t>> run_on(session& on, shape_catalog& shapes, const std::string& label,
                                        const ports::call_context& context, ports::statement s);

/// "SET LOCAL statement_timeout = 1234": the server itself ends what the deadline is past of, whatever becomes of us.
std::string timeout_statement(const ports::call_context& context);

}  // namespace distsys::adapters::postgres
