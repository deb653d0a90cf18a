// Establishes a connection without blocking a loop: names are resolved first, then libpq is polled.
#pragma once

#include "distsys/foundation/error.hpp"
#include "distsys/runtime/awaitable.hpp"
#include "distsys/runtime/clock.hpp"
#include "options.hpp"
#include "pipeline.hpp"

namespace distsys::adapters::postgres {

/// Tries every address of every host, in their order from number `first` on (modulo how many there are): a silent one
/// takes all the time there is, so the next attempt should begin behind it. errc::unavailable says why not (also when
/// the server refuses the password: it may be another one tomorrow); errc::timeout, errc::cancelled.
awaitable<result<pg_connection>> connect(const options& settings, std::size_t first, runtime::deadline limit);

}  // namespace distsys::adapters::postgres
