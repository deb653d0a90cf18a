// URLs as libcurl itself reads them, so that what is checked is what is connected to.
#pragma once

#include "distsys/foundation/error.hpp"

#include <string>
#include <string_view>

namespace distsys::adapters::curl {

struct request_url {
  std::string text;    // normalised, without fragment
  std::string scheme;  // "http" or "https"
  std::string host;    // lower case; IPv6 in brackets
  std::string port;
  std::string origin() const { return scheme + "://" + host + ":" + port; }

  /// errc::invalid: not a URL, neither http nor https, or holding control characters.
  static result<request_url> parse(std::string_view text);
  /// Where a Location header leads; user and password in it are dropped. errc::permission_denied for another scheme.
  result<request_url> redirected(std::string_view location) const;
};

}  // namespace distsys::adapters::curl
