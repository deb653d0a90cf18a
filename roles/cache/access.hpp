// Who may write and purge: bearer tokens, each with a name and scopes.
#pragma once

#include "distsys/foundation/error.hpp"
#include "distsys/net/router.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace distsys::roles::cache {

enum class scope : std::uint8_t {
  events_write = 1,  // events of the token's own name
  any_source = 2,    // ?source= may name another
  cache_purge = 4,
};
/// "events:write", "events:any-source", "cache:purge".
std::string_view name(scope s) noexcept;

struct token_grant {
  std::string name;  // also the source of its events
  std::uint8_t scopes = 0;

  bool may(scope s) const noexcept { return (scopes & static_cast<std::uint8_t>(s)) != 0; }
};

/// Immutable once made; any loop.
class access_list {
 public:
  /// Of `NAME=TOKEN[:scope,scope…]`, events:write without a scope. errc::invalid says which one is wrong and why, never
  /// what the token is.
  static result<access_list> parse(std::span<const std::string> texts);

  bool empty() const noexcept { return grants_.empty(); }
  /// Null for a name that has no token.
  const token_grant* find(std::string_view name) const noexcept;

  /// Of those whose token has the scope; request.user is then the token's name. 401 without a token or with a wrong one
  /// (compared in constant time), 403 without the scope, and where no tokens are configured. No body is read before.
  net::admission admission(scope needed) const;

 private:
  std::vector<token_grant> grants_;
  std::vector<std::pair<std::string, std::string>> tokens_;  // token, name
};

/// What is wrong with one such text, without repeating it; empty when it is good.
std::string valid_token(std::string_view text);

}  // namespace distsys::roles::cache
