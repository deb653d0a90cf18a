// A URL as people write it to name a backend or an input: `redis://u:p@host:6379/0`, `sqlite:geo.db`, `sim:?seed=7`.
#pragma once

#include "distsys/foundation/error.hpp"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace distsys {

/// One of the servers that a URL names.
struct url_host {
  std::string name;  // without the brackets of IPv6
  std::optional<std::uint16_t> port;
  friend bool operator==(const url_host&, const url_host&) = default;
};

/// RFC 3986, parsed by Boost.URL; every part is percent-decoded. A value type. The authority may name several hosts,
/// which RFC 3986 has no word for: `postgres://one:5432,two:5432/db`.
class url {
 public:
  /// errc::invalid names what is wrong and where. A scheme is required; at most 8 KiB. Spaces and non-ASCII bytes of
  /// a path are taken as they are, so that `replay:My Captures/` works.
  static result<url> parse(std::string_view text);

  const std::string& scheme() const noexcept { return scheme_; }  // lower case, without ':'
  const std::string& user() const noexcept { return user_; }
  const std::string& password() const noexcept { return password_; }
  /// The first, and all of them; "" and an empty list where the URL names none.
  const std::string& host() const noexcept { return host_; }
  std::span<const url_host> hosts() const noexcept { return hosts_; }
  bool has_authority() const noexcept { return has_authority_; }
  std::optional<std::uint16_t> port() const noexcept { return port_; }  // of the first
  const std::string& path() const noexcept { return path_; }
  std::span<const std::pair<std::string, std::string>> parameters() const noexcept { return parameters_; }

  /// The first value of a query parameter; nothing when it is absent.
  std::optional<std::string_view> parameter(std::string_view name) const;

  /// errc::invalid when a parameter is not among `known`: the text lists the known ones.
  result<void> check_parameters(std::span<const std::string_view> known) const;

  /// A copy with another user and password (secrets come from files and the environment, not from the URL).
  url with_credentials(std::string user, std::string password) const;

  /// As given. Holds secrets: never for logs.
  const std::string& text() const noexcept { return text_; }
  /// For people and logs: the password, and the value of any parameter whose name speaks of a secret, are "***".
  std::string masked() const;

 private:
  std::string text_, scheme_, user_, password_, host_, path_;
  std::optional<std::uint16_t> port_;
  std::vector<url_host> hosts_;
  bool has_authority_ = false;
  std::vector<std::pair<std::string, std::string>> parameters_;
};

/// Encodes all but RFC 3986's unreserved characters.
std::string percent_encode(std::string_view text);
/// Decodes %XX, and '+' as a space where `plus_is_space`; errc::invalid on a broken escape.
result<std::string> percent_decode(std::string_view text, bool plus_is_space = false);

}  // namespace distsys
