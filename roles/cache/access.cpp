#include "access.hpp"

#include "distsys/foundation/text.hpp"
#include "distsys/net/http_server.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

namespace distsys::roles::cache {
namespace {

using net::http_request;
using net::http_response;

constexpr std::size_t max_tokens = 1000, max_name_bytes = 64, shortest_token = 16, longest_token = 256;
constexpr std::array scopes{scope::events_write, scope::any_source, scope::cache_purge};

bool good_name(std::string_view name) {
  const auto good = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  };
  return !name.empty() && name.size() <= max_name_bytes && std::all_of(name.begin(), name.end(), good);
}

bool good_secret(std::string_view token) {
  return token.size() >= shortest_token && token.size() <= longest_token &&
         std::all_of(token.begin(), token.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

struct entry {
  token_grant grant;
  std::string token;
};

result<entry> read(std::string_view text) {
  const auto refuse = [](std::string why) { return error{errc::invalid, std::move(why)}; };
  const auto equals = text.find('=');
  if (equals == std::string_view::npos) return refuse("not NAME=TOKEN or NAME=TOKEN:SCOPE,SCOPE");
  entry e;
  e.grant.name = text.substr(0, equals);
  if (!good_name(e.grant.name)) return refuse("the name before '=' must be 1 to 64 of a-z, 0-9, '-', '_' and '.'");
  text.remove_prefix(equals + 1);
  const auto colon = text.find(':');
  e.token = text.substr(0, colon);
  if (!good_secret(e.token)) {
    return refuse("the token of '" + e.grant.name + "' must be 16 to 256 printable characters without space and ':'");
  }
  if (colon == std::string_view::npos) {
    e.grant.scopes = static_cast<std::uint8_t>(scope::events_write);
    return e;
  }
  for (const auto word : split(text.substr(colon + 1), ',')) {
    const auto known = std::find_if(scopes.begin(), scopes.end(), [&](scope s) { return name(s) == trim(word); });
    if (known == scopes.end()) {
      return refuse("an unknown scope of '" + e.grant.name +
                    "'; there are events:write, events:any-source, cache:purge");
    }
    e.grant.scopes |= static_cast<std::uint8_t>(*known);
  }
  return e;
}

http_response forbidden(std::string_view why, std::string challenge) {
  http_response r = http_response::problem(403, "Forbidden", why);
  if (!challenge.empty()) r.header("WWW-Authenticate", std::move(challenge));  // RFC 6750, section 3
  return r;
}

}  // namespace

std::string_view name(scope s) noexcept {
  switch (s) {
    case scope::events_write:
      return "events:write";
    case scope::any_source:
      return "events:any-source";
    case scope::cache_purge:
      return "cache:purge";
  }
  return "";
}

result<access_list> access_list::parse(std::span<const std::string> texts) {
  access_list list;
  for (const std::string& text : texts) {
    if (text.empty()) continue;
    auto e = read(text);
    if (!e) return e.error();
    if (list.find(e->grant.name) != nullptr) {
      return error{errc::invalid, "two tokens have the name '" + e->grant.name + "'"};
    }
    if (list.grants_.size() == max_tokens) return error{errc::invalid, "more than 1000 tokens"};
    list.tokens_.emplace_back(std::move(e->token), e->grant.name);
    list.grants_.push_back(std::move(e->grant));
  }
  return list;
}

const token_grant* access_list::find(std::string_view name) const noexcept {
  const auto found = std::find_if(grants_.begin(), grants_.end(), [&](const token_grant& g) { return g.name == name; });
  return found == grants_.end() ? nullptr : &*found;
}

net::admission access_list::admission(scope needed) const {
  if (empty()) {
    return [](http_request&) -> std::optional<http_response> {
      return forbidden("no tokens are configured: start with --cache.token=NAME=TOKEN, or a file of it", "");
    };
  }
  const auto grants = std::make_shared<const access_list>(*this);
  return [grants, needed, known = net::bearer_admission(tokens_)](http_request& r) -> std::optional<http_response> {
    if (auto refusal = known(r)) return refusal;
    const token_grant* grant = grants->find(r.user);
    if (grant != nullptr && grant->may(needed)) return std::nullopt;
    const std::string missing(name(needed));
    return forbidden("the token '" + std::string(r.user) + "' has no scope " + missing,
                     R"(Bearer error="insufficient_scope", scope=")" + missing + '"');
  };
}

std::string valid_token(std::string_view text) {
  const auto e = read(text);
  return e ? std::string() : e.error().detail;
}

}  // namespace distsys::roles::cache
