#include "distsys/ports/http_client.hpp"

#include "distsys/foundation/text.hpp"
#include "measured.hpp"

#include <algorithm>
#include <utility>

namespace distsys::ports {

namespace {

bool is_token(std::string_view text) noexcept {  // RFC 9110 5.6.2
  constexpr std::string_view others = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::ranges::all_of(text, [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           others.find(c) != std::string_view::npos;
  });
}

bool breaks_line(std::string_view text) noexcept {
  return text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos;
}

bool has_scheme(std::string_view address, std::string_view scheme) noexcept {
  return address.size() > scheme.size() && equal_ignoring_case(address.substr(0, scheme.size()), scheme);
}

/// What every driver would have to refuse: anything that could put a second line into the request's head.
result<void> check_request(const outgoing_request& r) {
  if (!has_scheme(r.url, "http://") && !has_scheme(r.url, "https://"))
    return error{errc::invalid, "a URL that is neither http nor https"};
  if (breaks_line(r.url)) return error{errc::invalid, "a URL with a line break or NUL"};
  if (!is_token(r.method)) return error{errc::invalid, "an HTTP method that is no token"};
  for (const auto& [name, value] : r.headers) {
    if (!is_token(name)) return error{errc::invalid, "an HTTP header whose name is no token"};
    if (breaks_line(value)) return error{errc::invalid, "a line break or NUL in the HTTP header " + name};
  }
  if (breaks_line(r.proxy)) return error{errc::invalid, "a proxy with a line break or NUL"};
  return {};
}

}  // namespace

std::optional<std::string_view> incoming_response::header(std::string_view lower_case_name) const {
  for (const auto& [name, value] : headers)
    if (name == lower_case_name) return value;
  return std::nullopt;
}

struct http_client::operations {
  call_monitor::operation send;
};

http_client::http_client(std::string driver_name)
    : calls_("http_client", std::move(driver_name)), operations_(new operations{calls_.make_operation("send")}) {}

http_client::~http_client() = default;

awaitable<result<incoming_response>> http_client::send(const call_context& context, outgoing_request request) {
  const auto check = [&] { return check_request(request); };
  DISTSYS_PORT_CALL(operations_->send, context, check, do_send(context, std::move(request)));
}

}  // namespace distsys::ports
