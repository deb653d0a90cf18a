#include "request_url.hpp"

#include "distsys/foundation/text.hpp"

#include <curl/curl.h>

#include <algorithm>
#include <memory>

namespace distsys::adapters::curl {
namespace {

struct cleanup {
  void operator()(CURLU* u) const { curl_url_cleanup(u); }
  void operator()(char* text) const { curl_free(text); }
};
using handle = std::unique_ptr<CURLU, cleanup>;

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

std::string part(CURLU* u, CURLUPart which, unsigned flags = 0) {
  char* text = nullptr;
  if (curl_url_get(u, which, &text, flags) != CURLUE_OK) return {};
  const std::unique_ptr<char, cleanup> owned(text);
  return owned.get();
}

result<request_url> read(CURLU* u, errc other_scheme) {
  request_url out;
  out.scheme = part(u, CURLUPART_SCHEME);
  if (out.scheme != "http" && out.scheme != "https") {
    return error{other_scheme, "only http and https are fetched, not '" + out.scheme + ":'"};
  }
  curl_url_set(u, CURLUPART_FRAGMENT, nullptr, 0);
  out.host = lower(part(u, CURLUPART_HOST));
  out.port = part(u, CURLUPART_PORT, CURLU_DEFAULT_PORT);
  out.text = part(u, CURLUPART_URL);
  if (out.host.empty() || out.text.empty()) return error{errc::invalid, "a URL without a host"};
  return out;
}

}  // namespace

result<request_url> request_url::parse(std::string_view text) {
  if (has_control(text)) return error{errc::invalid, "a URL with control characters"};
  const handle u(curl_url());
  const CURLUcode code = curl_url_set(u.get(), CURLUPART_URL, std::string(text).c_str(), CURLU_NON_SUPPORT_SCHEME);
  if (code != CURLUE_OK) return error{errc::invalid, std::string("not a URL: ") + curl_url_strerror(code)};
  return read(u.get(), errc::invalid);
}

result<request_url> request_url::redirected(std::string_view location) const {
  if (has_control(location)) return error{errc::invalid, "a redirect with control characters"};
  const handle u(curl_url());
  CURLUcode code = curl_url_set(u.get(), CURLUPART_URL, text.c_str(), 0);
  if (code == CURLUE_OK) {
    // A relative reference resolves against what is set; spaces come from careless servers.
    code =
        curl_url_set(u.get(), CURLUPART_URL, std::string(location).c_str(), CURLU_NON_SUPPORT_SCHEME | CURLU_URLENCODE);
  }
  if (code != CURLUE_OK) return error{errc::invalid, std::string("a redirect to no URL: ") + curl_url_strerror(code)};
  auto next = read(u.get(), errc::permission_denied);
  if (!next || next->origin() == origin()) return next;
  curl_url_set(u.get(), CURLUPART_USER, nullptr, 0);
  curl_url_set(u.get(), CURLUPART_PASSWORD, nullptr, 0);
  return read(u.get(), errc::permission_denied);
}

}  // namespace distsys::adapters::curl
