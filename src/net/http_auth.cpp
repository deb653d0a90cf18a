#include "distsys/foundation/text.hpp"
#include "distsys/net/http_server.hpp"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <array>
#include <stdexcept>

namespace distsys::net {
namespace {

using digest = std::array<unsigned char, 32>;

// Tokens are compared as digests: equal lengths, so that neither length nor prefix shows in the time.
digest sha256(std::string_view text) {
  digest d{};
  unsigned size = 0;
  if (EVP_Digest(text.data(), text.size(), d.data(), &size, EVP_sha256(), nullptr) != 1)
    throw std::runtime_error("SHA-256 is not available");
  return d;
}

/// The credentials after the scheme's name; nothing when it is another scheme.
std::optional<std::string_view> credentials(std::string_view authorization, std::string_view scheme) {
  const std::size_t space = authorization.find(' ');
  if (space == std::string_view::npos || !equal_ignoring_case(authorization.substr(0, space), scheme)) return {};
  return trim(authorization.substr(space + 1));
}

http_response unauthorized(std::string challenge) {
  http_response r = http_response::problem(401, "Unauthorized", "credentials are missing or wrong");
  r.header("WWW-Authenticate", std::move(challenge));
  return r;
}

std::optional<std::string> base64(std::string_view text) {
  if (text.empty() || text.size() % 4 != 0 || text.size() > 4096) return std::nullopt;
  std::string out(text.size() / 4 * 3, '\0');
  const int n = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(out.data()),
                                reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  if (n < 0) return std::nullopt;
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  out.resize(static_cast<std::size_t>(n) - padding);
  return out;
}

struct token {
  digest value;
  std::string user;
};

awaitable<http_response> answer(http_response r) { co_return r; }

struct basic_state {
  std::string challenge;
  std::function<bool(std::string_view, std::string_view)> check;
  handler next;
};

// The user's name is decoded into this frame, which outlives the handler.
awaitable<http_response> run_basic(std::shared_ptr<const basic_state> s, http_request& request, std::string decoded) {
  const std::size_t colon = decoded.find(':');
  if (colon == std::string::npos) co_return unauthorized(s->challenge);
  const std::string_view user = std::string_view(decoded).substr(0, colon);
  if (!s->check(user, std::string_view(decoded).substr(colon + 1))) co_return unauthorized(s->challenge);
  request.user = user;
  http_response answer = co_await s->next(request);
  request.user = {};
  co_return answer;
}

class check_basic {
 public:
  explicit check_basic(std::shared_ptr<const basic_state> s) : state_(std::move(s)) {}
  awaitable<http_response> operator()(http_request& request) const {
    const auto given = credentials(request.header("authorization"), "basic");
    auto decoded = given ? base64(*given) : std::nullopt;
    if (!decoded) return answer(unauthorized(state_->challenge));
    return run_basic(state_, request, std::move(*decoded));
  }

 private:
  std::shared_ptr<const basic_state> state_;
};

}  // namespace

admission bearer_admission(std::vector<std::pair<std::string, std::string>> accepted) {
  std::vector<token> tokens;
  for (auto& [value, user] : accepted)
    if (!value.empty()) tokens.push_back({sha256(value), std::move(user)});
  // Shared, because copies of the function lend their users' names to requests.
  return [tokens = std::make_shared<const std::vector<token>>(std::move(tokens))](
             http_request& request) -> std::optional<http_response> {
    const auto given = credentials(request.header("authorization"), "bearer");
    const digest d = sha256(given.value_or(std::string_view{}));
    const token* found = nullptr;
    for (const token& t : *tokens)  // all of them, always
      if (CRYPTO_memcmp(t.value.data(), d.data(), d.size()) == 0) found = &t;
    if (!given || given->empty() || found == nullptr) return unauthorized("Bearer");
    request.user = found->user;
    return std::nullopt;
  };
}

middleware require_bearer(std::vector<std::pair<std::string, std::string>> accepted) {
  return [admit = bearer_admission(std::move(accepted))](handler next) -> handler {
    return [admit, next = std::move(next)](http_request& request) {
      auto refusal = admit(request);
      return refusal ? answer(std::move(*refusal)) : next(request);
    };
  };
}

middleware require_basic(std::string realm, std::function<bool(std::string_view, std::string_view)> check) {
  std::erase_if(realm, [](char c) { return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20; });
  return [challenge = "Basic realm=\"" + realm + "\", charset=\"UTF-8\"", check = std::move(check)](handler next) {
    return handler(check_basic(std::make_shared<basic_state>(basic_state{challenge, check, std::move(next)})));
  };
}

}  // namespace distsys::net
