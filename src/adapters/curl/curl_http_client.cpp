#include "curl_http_client.hpp"

#include "address_policy.hpp"
#include "driver.hpp"

#include "distsys/foundation/text.hpp"

#include <boost/asio/this_coro.hpp>

#include <algorithm>
#include <iterator>
#include <mutex>

namespace distsys::adapters::curl {
namespace {

bool is_token(std::string_view text) {  // RFC 9110, 5.6.2
  constexpr std::string_view others = "!#$%&'*+-.^_`|~";
  return !text.empty() && std::all_of(text.begin(), text.end(), [&](unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           others.find(static_cast<char>(c)) != std::string_view::npos;
  });
}

bool has_line_break(std::string_view text) {
  return text.find_first_of(std::string_view("\r\n\0", 3)) != std::string_view::npos;
}

result<void> check(const ports::outgoing_request& request) {
  if (!is_token(request.method)) return error{errc::invalid, "not a method"};
  if (has_line_break(request.proxy)) return error{errc::invalid, "a proxy with control characters"};
  for (const auto& [name, value] : request.headers) {
    if (!is_token(name)) return error{errc::invalid, "not a header name"};
    if (has_line_break(value)) return error{errc::invalid, "CR, LF or NUL in the value of header " + name};
  }
  return {};
}

// libcurl checks the address it connects to, which through a proxy is the proxy's: what the URL itself says can still
// be checked.
result<void> check_proxied(const request_url& target) {
  std::string host = target.host;
  if (host == "localhost" || host.ends_with(".localhost")) {
    return error{errc::permission_denied, target.origin() + ": its address is not on the public Internet"};
  }
  if (host.starts_with('[')) host = host.substr(1, host.size() - 2);
  boost::system::error_code ec;
  const auto address = asio::ip::make_address(host, ec);
  if (ec || is_public(address)) return {};
  return error{errc::permission_denied, target.origin() + ": its address is not on the public Internet"};
}

// Any header of the caller may be a secret ("X-Api-Key"): only those known to be harmless go to another origin.
void drop_private_headers(ports::outgoing_request& request) {
  constexpr std::string_view harmless[] = {"accept",        "accept-language",   "user-agent",
                                           "if-none-match", "if-modified-since", "traceparent"};
  std::erase_if(request.headers, [&](const auto& header) {
    return std::none_of(std::begin(harmless), std::end(harmless),
                        [&](std::string_view name) { return equal_ignoring_case(name, header.first); });
  });
}

bool is_redirect(int status) {
  return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

}  // namespace

curl_http_client::curl_http_client(std::string driver_name, runtime::runtime& loops, client_settings settings)
    : http_client(std::move(driver_name)), settings_(std::move(settings)), multis_(loops.size()) {
  static std::once_flag once;
  std::call_once(once, [] {
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) throw failure({errc::internal, "libcurl does not start"});
  });
}

// A coroutine, so that the last reference goes on the loop of the handle, where no socket event can meet it.
awaitable<void> curl_http_client::drop(std::shared_ptr<multi> m) {
  m.reset();
  co_return;
}

awaitable<void> curl_http_client::close() {
  for (auto& pair : multis_) {
    for (auto& m : pair) {
      if (!m) continue;
      const executor where = m->loop();
      closing_.spawn(where, drop(std::move(m)));
    }
  }
  co_await closing_.wait();
}

std::shared_ptr<multi> curl_http_client::multi_of_this_loop(executor loop, bool trusted) {
  const int index = runtime::runtime::this_loop();
  if (index < 0 || static_cast<std::size_t>(index) >= multis_.size()) return nullptr;
  auto& m = multis_[static_cast<std::size_t>(index)][trusted ? 1 : 0];
  if (!m) m = multi::create(loop, settings_.limits);
  return m;
}

awaitable<result<ports::incoming_response>> curl_http_client::do_send(const ports::call_context& context,
                                                                      ports::outgoing_request request) {
  co_await asio::this_coro::throw_if_cancelled(false);
  if (auto ok = check(request); !ok) co_return ok.error();
  auto target = request_url::parse(request.url);
  if (!target) co_return target.error();
  const executor loop = co_await asio::this_coro::executor;
  // Not reused across the border: a kept connection has passed only the check of the request that opened it.
  const auto m = multi_of_this_loop(loop, request.allow_private_addresses || !request.proxy.empty());
  if (!m) co_return error{errc::internal, "an HTTP call from outside the loops"};

  const bool follow = request.method == "GET" || request.method == "HEAD";
  for (unsigned hops = 0;; ++hops) {
    if (!request.proxy.empty() && !request.allow_private_addresses) {
      if (auto ok = check_proxied(*target); !ok) co_return ok.error();
    }
    result<ports::incoming_response> answer = errc::internal;
    {
      transfer one(m, settings_.transfers, request, *target);
      answer = co_await one.run(context.deadline);
    }
    if (!answer || !follow || !is_redirect(answer->status)) co_return answer;
    const auto location = answer->header("location");
    if (!location) co_return answer;
    if (hops >= request.max_redirects) {
      co_return error{errc::unavailable,
                      request.url + ": more than " + std::to_string(request.max_redirects) + " redirects"};
    }
    auto next = target->redirected(*location);
    if (!next) co_return error{next.error().code, "redirected by " + target->origin() + ": " + next.error().detail};
    if (next->origin() != target->origin()) drop_private_headers(request);
    *target = std::move(*next);
  }
}

namespace {

template <class T>
bool read_number(const url& address, std::string_view name, T& out, std::int64_t low, std::int64_t high, error& why) {
  const auto text = address.parameter(name);
  if (!text) return true;
  const auto value = parse_integer(*text);
  if (value && *value >= low && *value <= high) {
    out = static_cast<T>(*value);
    return true;
  }
  why = {errc::invalid, std::string(name) + ": a number from " + std::to_string(low) + " to " + std::to_string(high)};
  return false;
}

result<std::shared_ptr<ports::http_client>> open(const url& address, const ports::driver_environment& environment) {
  constexpr std::string_view known[] = {"connections", "connections_per_host", "connect_timeout", "ca"};
  if (auto ok = address.check_parameters(known); !ok) return ok.error();
  if (!address.host().empty() || !address.path().empty()) {
    return error{errc::invalid, "an HTTP client has no host or path: write 'http:' (a proxy is the role's option)"};
  }
  client_settings settings;
  error why = errc::invalid;
  if (!read_number(address, "connections", settings.limits.connections, 1, 10'000, why)) return why;
  if (!read_number(address, "connections_per_host", settings.limits.connections_per_host, 1, 1'000, why)) return why;
  if (const auto text = address.parameter("connect_timeout")) {
    const auto timeout = parse_duration(*text);
    if (!timeout) return error{errc::invalid, "connect_timeout: " + timeout.error().detail};
    settings.transfers.connect_timeout = std::chrono::ceil<std::chrono::milliseconds>(*timeout);
  }
  if (const auto file = address.parameter("ca")) settings.transfers.ca_file = *file;
  return std::shared_ptr<ports::http_client>(
      std::make_shared<curl_http_client>(address.scheme(), environment.loops, std::move(settings)));
}

}  // namespace

const ports::driver http_driver{"http", "libcurl " LIBCURL_VERSION, "fetches from the world's HTTP servers",
                                "http:", ports::open_function<ports::http_client>(&open)};
const ports::driver https_driver{"https", "libcurl " LIBCURL_VERSION,
                                 "the same client as http:", "https:", ports::open_function<ports::http_client>(&open)};

}  // namespace distsys::adapters::curl
