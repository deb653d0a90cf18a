// A URL as a user wrote it: printable complaints, or parts that hold what was written, and a masked form that hides the
// password and is a URL again.
#include "distsys/foundation/url.hpp"

#include <algorithm>
#include <cstdlib>
#include <string>

namespace {

using distsys::url;

void require(bool holds) {
  if (!holds) std::abort();
}

bool printable(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

void check_encoding(const std::string& text) {
  const auto back = distsys::percent_decode(distsys::percent_encode(text));
  require(back.has_value() && *back == text);
}

// A password of its own, which cannot be a part of anything else, is never shown.
void check_mask(const url& u) {
  const std::string secret = "Zq7-canary-Zq7";
  if (u.text().find(secret) != std::string::npos) return;
  const auto shown = u.with_credentials("user", secret).masked();
  require(shown.find(secret) == std::string::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  check_encoding(text);
  if (const auto decoded = distsys::percent_decode(text, true); !decoded) require(printable(decoded.error().detail));
  const auto u = url::parse(text);
  if (!u) {
    require(u.error() == distsys::errc::invalid && printable(u.error().detail));
    return 0;
  }
  require(!u->scheme().empty() && u->text() == text && text.size() <= 8192);
  check_mask(*u);
  const auto shown = u->masked();
  const auto again = url::parse(shown);
  require(printable(shown) && (!again || again->scheme() == u->scheme()));
  static constexpr std::string_view known[] = {"seed", "city"};
  if (const auto checked = u->check_parameters(known); !checked) require(checked.error() == distsys::errc::invalid);
  return 0;
}
