// What an exchange's failure means to whoever called.
#pragma once

#include "exchange.hpp"

#include <string>

namespace distsys::adapters::postgres {

/// The server ended the statement, and not on behalf of this call: a request to cancel that was meant for another.
bool ended_by_mistake(const exchange& e, std::uint64_t cancels_now) noexcept;

/// A statement that this connection had prepared is out of date: it can be prepared again, and nothing took effect.
bool wants_preparing(const exchange& e) noexcept;

/// The types that were told once may be others now.
bool speaks_of_types(const exchange& e) noexcept;

/// The error of a failed exchange. `where` is the server's label, `of` the number of statements that the call had.
error error_of(const exchange& e, const std::string& where);

}  // namespace distsys::adapters::postgres
