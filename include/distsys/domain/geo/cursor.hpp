// The opaque cursor of a page: where it ended, bound to the query that it belongs to.
#pragma once

#include "distsys/domain/geo/event_repository.hpp"

#include <compare>
#include <cstdint>
#include <optional>
#include <string>

namespace distsys::domain::geo {

/// The last row of a page in the order of its query: (cell, key), or for nearest (the distance's bits, key).
struct cursor {
  std::int64_t place = 0, key = 0;
  friend auto operator<=>(const cursor&, const cursor&) = default;
};

/// base64url without padding.
std::string write_cursor(const cursor& c, const event_query& of);
/// Nothing for an empty one; errc::invalid when it is not of this query.
result<std::optional<cursor>> read_cursor(const event_query& of);

}  // namespace distsys::domain::geo
