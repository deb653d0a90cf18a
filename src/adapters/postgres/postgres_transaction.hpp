// An interactive transaction: it has a connection to itself until it ends.
#pragma once

#include "distsys/ports/database.hpp"
#include "loop_pool.hpp"

#include <functional>
#include <memory>

namespace distsys::adapters::postgres {

/// `committed` is called before commit() returns.
awaitable<result<std::unique_ptr<ports::transaction>>> begin_transaction(loop_pool& pool,
                                                                         const ports::call_context& context,
                                                                         std::function<void()> committed);

}  // namespace distsys::adapters::postgres
