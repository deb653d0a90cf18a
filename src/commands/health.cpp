// `distsys health [URL]`: asks a running process whether it is ready; for container health checks and scripts.
#include "distsys/net/http_connection.hpp"
#include "src/commands/commands.hpp"

#include <iostream>

namespace distsys::commands {
namespace {

constexpr app::option options[] = {
    {"timeout", app::kind::duration, "3s", "how long the answer may take"},
    {"insecure", app::kind::flag, "false", "take any certificate"},
};

std::string bracketed(const std::string& host) { return host.find(':') == std::string::npos ? host : "[" + host + "]"; }

// What listens on every address is asked on the loopback one.
std::string default_address(app::role_context& context) {
  auto where = context.endpoint("operations");
  if (where.host == "0.0.0.0") where.host = "127.0.0.1";
  if (where.host == "::") where.host = "::1";
  return "http://" + bracketed(where.host) + ":" + std::to_string(where.port) + "/readyz";
}

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

struct reply {
  int status;
  std::string body;
};

awaitable<result<reply>> ask(target t, bool verify, runtime::deadline limit) {
  const auto peers = co_await net::resolve(t.address.host(), t.port);
  if (!peers) co_return peers.error();
  result<void> outcome = error{errc::unavailable, "the name has no address"};
  for (const auto& peer : *peers) {
    net::http_connection connection(co_await asio::this_coro::executor);
    outcome = co_await connection.connect(peer, {t.tls, verify, t.address.host()}, limit);
    if (!outcome) continue;
    outcome = co_await connection.write(t.request, limit);
    if (!outcome) co_return outcome.error();
    const auto answer = co_await connection.read(false, true, limit);
    if (!answer) co_return answer.error();
    co_return reply{answer->status, std::string(answer->body)};
  }
  co_return outcome.error();
}

awaitable<int> run(app::command_context& context, std::vector<std::string> words) {
  if (words.size() > 1) {
    std::cerr << "distsys: health takes one URL\n";
    co_return app::exit_usage;
  }
  const std::string address = words.empty() ? default_address(context) : words.front();
  auto t = prepare(address);
  if (!t) {
    std::cerr << "distsys: health: " << t.error().detail << '\n';
    co_return app::exit_usage;
  }
  const auto shown = t->address.masked();
  const auto limit = runtime::steady_now() + context.duration("timeout");
  const auto answer = co_await ask(*std::move(t), !context.flag("insecure"), limit);
  if (!answer) {
    std::cerr << shown << ": " << answer.error().what() << '\n';
    co_return app::exit_failed;
  }
  const bool healthy = answer->status >= 200 && answer->status < 300;
  (healthy ? std::cout : std::cerr) << shown << ": " << answer->status << '\n' << answer->body;
  co_return healthy ? app::exit_ok : app::exit_failed;
}

}  // namespace

const app::command_info health{
    .name = "health",
    .summary = "asks a running process whether it is ready; exit code 0 or 1",
    .usage = "[URL]",
    .options = options,
    .run = &run,
};

}  // namespace distsys::commands
