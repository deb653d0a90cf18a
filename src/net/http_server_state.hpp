// What the listening side of a server and its connections share: one part for the server, one for each loop.
#pragma once

#include "distsys/foundation/metrics.hpp"
#include "distsys/net/http_server.hpp"
#include "http_peer.hpp"

#include <boost/asio/basic_socket_acceptor.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/ip/tcp.hpp>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace distsys::net {

using tcp_socket = asio::basic_stream_socket<asio::ip::tcp, executor>;
using tcp_acceptor = asio::basic_socket_acceptor<asio::ip::tcp, executor>;
using loop_timer =
    asio::basic_waitable_timer<runtime::steady_clock, asio::wait_traits<runtime::steady_clock>, executor>;

class tls_certificates;

/// What a loop knows of a connection: a link in its list, and when it must have got further. Lives on one loop.
class loop_connection {
 public:
  loop_connection() = default;
  loop_connection(const loop_connection&) = delete;
  loop_connection& operator=(const loop_connection&) = delete;

  virtual void expire() = 0;    // the deadline has passed
  virtual void on_drain() = 0;  // the server answers what was read and no more

  runtime::deadline deadline = runtime::deadline::max();
  loop_connection* next = nullptr;
  loop_connection** link = nullptr;  // what points here

 protected:
  ~loop_connection() = default;
};

/// Touched on its loop only; the atomics are read by others.
struct alignas(64) server_loop {
  explicit server_loop(executor e, unsigned i) : where(e), index(i), sweep(e, runtime::deadline::max()) {}

  executor where;
  unsigned index;
  std::atomic<std::uint32_t> in_flight{0};
  std::atomic<std::uint32_t> connections{0};
  std::optional<tcp_acceptor> acceptor;
  loop_connection* first = nullptr;
  loop_timer sweep;  // wakes the sweeper when the first connection comes
  std::optional<loop_timer> accept_pause;

  struct cached_duration {
    unsigned key;
    metrics::histogram* durations;
  };
  std::vector<std::vector<cached_duration>> durations;  // by route; the last is for what matched none

  void insert(loop_connection& c) noexcept;
  static void remove(loop_connection& c) noexcept;
  /// "Date: …\r\n", formatted once a second.
  const std::string& date_line(runtime::deadline now);

 private:
  std::string date_;
  runtime::deadline date_until_{};
};

struct server_state : std::enable_shared_from_this<server_state> {
  server_state(runtime::runtime& r, http_server_options o, router table);

  runtime::runtime& loops;
  const http_server_options options;
  router routes;
  proxy_trust trust;
  std::unique_ptr<rate_limiter> limiter;
  std::shared_ptr<tls_certificates> certificates;
  std::vector<std::unique_ptr<server_loop>> parts;
  std::uint16_t port = 0;
  std::string address;  // "127.0.0.1:5000", for messages

  std::atomic<bool> draining{false};
  std::atomic<bool> closing{false};
  std::atomic<std::size_t> connections{0};
  std::atomic<std::size_t> body_bytes{0};
  std::atomic<std::uint32_t> refused_open{0};  // connections that only wait to be told 503

  runtime::task_group accepting;
  runtime::task_group service;  // the sweepers
  runtime::task_group connected;
  metrics::observed_gauge connections_gauge, in_flight_gauge;

  /// Room for one more request? Exact when it matters: the sum over the loops is read only near the limit.
  bool admits(const server_loop& mine) const noexcept;
  void refused(std::string_view reason) const;
  metrics::histogram& duration(server_loop& part, const router::route* route, method m, int status) const;
};

/// The two kinds of connection; each runs until it is closed. `refuse`: its first request is answered 503.
awaitable<void> serve_plain(std::shared_ptr<server_state> server, server_loop& part, tcp_socket socket, bool refuse);
awaitable<void> serve_tls(std::shared_ptr<server_state> server, server_loop& part, tcp_socket socket);

}  // namespace distsys::net
