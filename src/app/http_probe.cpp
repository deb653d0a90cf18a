#include "distsys/app/http_probe.hpp"

#include "distsys/foundation/url.hpp"
#include "distsys/net/http_connection.hpp"

#include <boost/asio/this_coro.hpp>

namespace distsys::app {
namespace {

std::string bracketed(const std::string& host) { return host.find(':') == std::string::npos ? host : "[" + host + "]"; }

struct target {
  url address;
  bool tls = false;
  std::uint16_t port = 0;
  std::string request;
};

result<target> prepare(const std::string& text) {
  auto address = url::parse(text);
  if (!address) return address.error();
  if ((address->scheme() != "http" && address->scheme() != "https") || address->host().empty())
    return error{errc::invalid, "not an http: or https: address with a host"};
  const bool tls = address->scheme() == "https";
  const auto port = address->port().value_or(tls ? 443 : 80);
  // The target as it was written: everything from the path on, without the fragment.
  const auto start = text.find_first_of("/?#", text.find("://") + 3);
  std::string path = start == std::string::npos ? "/" : text.substr(start, text.find('#') - start);
  if (!path.starts_with('/')) path.insert(0, "/");
  std::string request = "GET " + path + " HTTP/1.1\r\nHost: " + bracketed(address->host()) + ":" +
                        std::to_string(port) + "\r\nUser-Agent: distsys-health\r\nConnection: close\r\n\r\n";
  return target{*std::move(address), tls, port, std::move(request)};
}

}  // namespace

awaitable<result<probe_answer>> probe(std::string address, bool verify_certificate, runtime::deadline limit) {
  const auto prepared = prepare(address);
  if (!prepared) co_return prepared.error();
  const target& t = *prepared;
  const auto peers = co_await net::resolve(t.address.host(), t.port);
  if (!peers) co_return peers.error();
  result<void> outcome = error{errc::unavailable, "the name has no address"};
  for (const auto& peer : *peers) {
    net::http_connection connection(co_await asio::this_coro::executor);
    outcome = co_await connection.connect(peer, {t.tls, verify_certificate, t.address.host()}, limit);
    if (!outcome) continue;
    outcome = co_await connection.write(t.request, limit);
    if (!outcome) co_return outcome.error();
    const auto answer = co_await connection.read(false, true, limit);
    if (!answer) co_return answer.error();
    co_return probe_answer{answer->status, std::string(answer->body)};
  }
  co_return outcome.error();
}

}  // namespace distsys::app
