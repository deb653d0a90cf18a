#include "distsys/net/http_server.hpp"

#include "distsys/foundation/log.hpp"
#include "distsys/net/http_connection.hpp"
#include "http_server_state.hpp"
#include "http_tls.hpp"

#include <boost/asio/dispatch.hpp>
#include <boost/asio/this_coro.hpp>

#include <sys/socket.h>
#include <algorithm>
#include <cerrno>

namespace distsys::net {

struct http_server::state : server_state {
  using server_state::server_state;
};

namespace {

using reuse_port_option = asio::detail::socket_option::boolean<SOL_SOCKET, SO_REUSEPORT>;
constexpr std::uint32_t max_refused_open = 256;  // told 503 at the same time; beyond that a connection is just closed

error bind_error(const boost::system::error_code& ec, const std::string& where) {
  if (ec == asio::error::address_in_use) return {errc::already_exists, where + " is taken by another process"};
  if (ec == asio::error::access_denied) return {errc::permission_denied, where + ": not allowed to listen there"};
  return {errc::invalid, "cannot listen on " + where + ": " + ec.message()};
}

result<tcp_acceptor> open_acceptor(executor where, const asio::ip::tcp::endpoint& at, bool reuse_port) {
  boost::system::error_code ec;
  tcp_acceptor acceptor(where);
  acceptor.open(at.protocol(), ec);
  if (!ec) acceptor.set_option(tcp_acceptor::reuse_address(true), ec);
  if (!ec && reuse_port) acceptor.set_option(reuse_port_option(true), ec);
  if (!ec) acceptor.bind(at, ec);
  if (ec) return bind_error(ec, at.address().to_string() + ":" + std::to_string(at.port()));
  return acceptor;
}

awaitable<result<asio::ip::address>> listening_address(std::string host) {
  if (host.empty() || host == "*") co_return asio::ip::address(asio::ip::address_v4::any());
  if (host.size() > 2 && host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  boost::system::error_code ec;
  const auto literal = asio::ip::make_address(host, ec);
  if (!ec) co_return literal;
  auto found = co_await resolve(host, 0);
  if (!found) co_return found.error();
  if (found->empty()) co_return error{errc::invalid, "cannot listen on " + host + ": no such address"};
  co_return found->front().address();
}

void start(const std::shared_ptr<server_state>& server, server_loop& part, tcp_socket socket) {
  boost::system::error_code ec;
  socket.set_option(asio::ip::tcp::no_delay(true), ec);
  socket.non_blocking(true, ec);
  if (ec) return;
  const bool tls = server->certificates != nullptr;
  const bool refuse = server->connections.load(std::memory_order_relaxed) >= server->options.limits.max_connections;
  if (refuse && (tls || server->refused_open.load(std::memory_order_relaxed) >= max_refused_open)) {
    server->refused("connections");
    return;
  }
  if (refuse) {
    server->refused_open.fetch_add(1, std::memory_order_relaxed);
  } else {
    server->connections.fetch_add(1, std::memory_order_relaxed);
    part.connections.fetch_add(1, std::memory_order_relaxed);
  }
  server->connected.spawn(part.where, tls ? serve_tls(server, part, std::move(socket))
                                          : serve_plain(server, part, std::move(socket), refuse));
}

bool out_of_resources(const boost::system::error_code& ec) {
  return ec.value() == EMFILE || ec.value() == ENFILE || ec.value() == ENOBUFS || ec.value() == ENOMEM;
}

/// With SO_REUSEPORT each loop accepts its own; without, one loop deals them out.
server_loop& target_of(server_state& server, server_loop& mine, unsigned& turn) {
  return server.options.reuse_port ? mine : *server.parts[turn++ % server.parts.size()];
}

awaitable<void> accept_all(std::shared_ptr<server_state> server, server_loop& part) {
  co_await asio::this_coro::throw_if_cancelled(false);
  unsigned turn = 0;
  bool warned = false;
  while (!server->draining && !server->closing) {
    server_loop& target = target_of(*server, part, turn);
    auto [ec, socket] = co_await part.acceptor->async_accept(target.where, use_tuple);
    if (!ec) {
      warned = false;
      start(server, target, std::move(socket));
    } else if (out_of_resources(ec)) {
      // The kernel keeps them queued meanwhile; trying at once would spin.
      if (!warned) log::warn("accepting pauses", {{"server", server->address}, {"why", ec.message()}});
      if (!warned) server->refused("descriptors");
      warned = true;
      part.accept_pause->expires_after(std::chrono::milliseconds(50));
      co_await part.accept_pause->async_wait(use_tuple);
    }
  }
  boost::system::error_code ec;
  part.acceptor->non_blocking(true, ec);
  while (!server->closing && !ec) {
    server_loop& target = target_of(*server, part, turn);
    tcp_socket socket = part.acceptor->accept(target.where, ec);
    if (!ec) start(server, target, std::move(socket));
  }
  part.acceptor->close(ec);
}

/// Looks at every connection of the loop a few times a second: one timer instead of one for each request.
awaitable<void> sweep(std::shared_ptr<server_state> server, server_loop& part) {
  co_await asio::this_coro::throw_if_cancelled(false);
  const http_limits& l = server->options.limits;
  const auto tick = std::clamp(std::min({l.header_deadline, l.body_deadline, l.write_deadline, l.idle_timeout}) / 8,
                               std::chrono::milliseconds(10), std::chrono::milliseconds(250));
  const auto cancellation = co_await asio::this_coro::cancellation_state;
  while (cancellation.cancelled() == asio::cancellation_type::none) {
    if (part.first == nullptr)
      part.sweep.expires_at(runtime::deadline::max());  // an idle server does not wake up
    else
      part.sweep.expires_after(server->draining || server->closing ? std::min(tick, std::chrono::milliseconds(50))
                                                                   : tick);
    co_await part.sweep.async_wait(use_tuple);
    const auto now = runtime::steady_now();
    for (loop_connection* c = part.first; c != nullptr;) {
      loop_connection* next = c->next;
      if (now >= c->deadline || server->closing) c->expire();  // closing: whatever began to wait since
      c = next;
    }
  }
}

/// On each loop: `what` for its part.
void on_each_loop(const std::shared_ptr<server_state>& server, void (*what)(server_state&, server_loop&)) {
  for (const auto& part : server->parts) asio::post(part->where, [server, p = part.get(), what] { what(*server, *p); });
}

void stop_accepting(server_state& /*server*/, server_loop& part) {
  boost::system::error_code ignored;
  if (part.acceptor) part.acceptor->cancel(ignored);
  if (part.accept_pause) part.accept_pause->cancel();
  part.sweep.cancel();
  for (loop_connection* c = part.first; c != nullptr; c = c->next) c->on_drain();
}

void stop_now(server_state& /*server*/, server_loop& part) {
  boost::system::error_code ignored;
  if (part.acceptor) part.acceptor->cancel(ignored);
  if (part.accept_pause) part.accept_pause->cancel();
  part.sweep.cancel();
  for (loop_connection* c = part.first; c != nullptr; c = c->next) c->expire();
}

}  // namespace

http_server::http_server(runtime::runtime& loops, http_server_options options, router routes) {
  routes.wrap(options.middlewares);
  state_ = std::make_shared<state>(loops, std::move(options), std::move(routes));
}

http_server::~http_server() = default;

std::uint16_t http_server::port() const noexcept { return state_->port; }
std::size_t http_server::connections() const noexcept { return state_->connections.load(std::memory_order_relaxed); }

awaitable<result<void>> http_server::listen() {
  const std::shared_ptr<state> s = state_;
  const http_server_options& o = s->options;
  auto trust = proxy_trust::parse(o.trusted_proxies);
  if (!trust) co_return trust.error();
  s->trust = std::move(*trust);
  if (!o.tls.certificate.empty()) {
    auto certificates = tls_certificates::load(o.tls);
    if (!certificates) co_return certificates.error();
    s->certificates = std::move(*certificates);
  }
  const auto address = co_await listening_address(o.host);
  if (!address) co_return address.error();
  asio::ip::tcp::endpoint at(*address, o.port);
  {
    // Without SO_REUSEPORT: two processes must not share a port because both said that they may.
    auto probe = open_acceptor(s->loops.loop(0), at, false);
    if (!probe) co_return probe.error();
  }
  const std::size_t acceptors = o.reuse_port ? s->parts.size() : 1;
  for (std::size_t i = 0; i < acceptors; ++i) {
    server_loop& part = *s->parts[i];
    auto acceptor = open_acceptor(part.where, at, o.reuse_port);
    if (!acceptor) co_return acceptor.error();
    boost::system::error_code ec;
    at = acceptor->local_endpoint(ec);
    if (!ec) acceptor->listen(asio::socket_base::max_listen_connections, ec);
    if (ec) co_return bind_error(ec, at.address().to_string() + ":" + std::to_string(at.port()));
    part.acceptor.emplace(std::move(*acceptor));
    part.accept_pause.emplace(part.where);
  }
  s->port = at.port();
  s->address = at.address().to_string() + ":" + std::to_string(at.port());
  const std::string port = std::to_string(s->port);
  std::weak_ptr<server_state> weak = s;
  s->connections_gauge = metrics::observed_gauge(
      "distsys_http_connections", "open connections", {{"role", o.role}, {"port", port}}, [weak] {
        const auto open = weak.lock();
        return open ? static_cast<double>(open->connections.load(std::memory_order_relaxed)) : 0.0;
      });
  s->in_flight_gauge = metrics::observed_gauge("distsys_http_requests_in_flight", "requests being handled",
                                               {{"role", o.role}, {"port", port}}, [weak] {
                                                 double sum = 0;
                                                 if (const auto open = weak.lock())
                                                   for (const auto& p : open->parts)
                                                     sum += p->in_flight.load(std::memory_order_relaxed);
                                                 return sum;
                                               });
  for (std::size_t i = 0; i < s->parts.size(); ++i) {
    server_loop& part = *s->parts[i];
    s->service.spawn(part.where, sweep(s, part));
    if (i < acceptors) s->accepting.spawn(part.where, accept_all(s, part));
  }
  co_return result<void>{};
}

awaitable<bool> http_server::drain(runtime::deadline limit) {
  const std::shared_ptr<state> s = state_;
  s->draining = true;
  on_each_loop(s, stop_accepting);
  if (!co_await s->accepting.wait_until(limit)) co_return false;
  co_return co_await s->connected.wait_until(limit);
}

awaitable<void> http_server::close() {
  const std::shared_ptr<state> s = state_;
  s->draining = true;
  s->closing = true;
  on_each_loop(s, stop_now);
  s->connected.cancel();
  co_await s->accepting.wait();
  co_await s->connected.wait();
  s->service.cancel();
  co_await s->service.wait();
  s->connections_gauge = {};
  s->in_flight_gauge = {};
}

}  // namespace distsys::net
