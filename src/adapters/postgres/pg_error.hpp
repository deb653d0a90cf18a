// PostgreSQL's SQLSTATEs as the program's codes.
#pragma once

#include "distsys/foundation/error.hpp"
#include "distsys/ports/first_words.hpp"

#include <libpq-fe.h>

#include <memory>
#include <string>
#include <string_view>

namespace distsys::adapters::postgres {

struct result_closer {
  void operator()(PGresult* r) const noexcept { PQclear(r); }
};
using pg_result = std::unique_ptr<PGresult, result_closer>;

/// SQLSTATEs that this driver itself acts upon.
namespace sqlstate {
inline constexpr std::string_view query_canceled = "57014";
inline constexpr std::string_view read_only = "25006";
inline constexpr std::string_view unknown_statement = "26000";
inline constexpr std::string_view feature_not_supported = "0A000";  // "cached plan must not change result type", too
inline constexpr std::string_view bad_binary_form = "22P03";
}  // namespace sqlstate

errc classify(std::string_view state) noexcept;

/// The five characters of a failed result; empty when libpq made the result itself: the connection is lost.
std::string_view state_of(const PGresult* r) noexcept;

/// The server's text, where it cannot quote a value (a duplicate key, a wrong cast): else what SQLSTATE says.
std::string text_of(const PGresult* r);

/// The first line of libpq's own text about a connection. It names hosts and users, and no secret.
std::string text_of(const PGconn* c);

using ports::first_words;

}  // namespace distsys::adapters::postgres
