#include "http_server_connection.hpp"
#include "http_server_open.hpp"
#include "http_tls.hpp"

#include <boost/asio/ssl/stream.hpp>

namespace distsys::net {
namespace {

using tls_stream = asio::ssl::stream<tcp_socket>;

/// The handshake under a deadline, by the same sweep as everything else.
class handshake_limit final : public loop_connection {
 public:
  handshake_limit(server_loop& part, tcp_socket& socket, std::chrono::milliseconds d) : socket_(socket) {
    deadline = runtime::steady_now() + d;
    part.insert(*this);
  }
  ~handshake_limit() { server_loop::remove(*this); }
  handshake_limit(const handshake_limit&) = delete;
  handshake_limit& operator=(const handshake_limit&) = delete;
  void expire() override {
    deadline = runtime::deadline::max();
    boost::system::error_code ignored;
    socket_.close(ignored);
  }
  void on_drain() override {}

 private:
  tcp_socket& socket_;
};

awaitable<bool> shake_hands(server_state& server, server_loop& part, tls_stream& stream) {
  const handshake_limit limit(part, stream.next_layer(), server.options.limits.header_deadline);
  const auto [ec] = co_await stream.async_handshake(tls_stream::server, use_tuple);
  if (ec && !server.closing) server.refused("tls_handshake");
  co_return !ec;
}

}  // namespace

awaitable<void> serve_tls(std::shared_ptr<server_state> server, server_loop& part, tcp_socket socket) {
  co_await asio::this_coro::throw_if_cancelled(false);
  const open_connection open(*server, part, false);
  try {
    const auto context = server->certificates->current();
    tls_stream stream(std::move(socket), *context);
    if (!co_await shake_hands(*server, part, stream)) co_return;
    server_connection<tls_stream> connection(*server, part, stream);
    co_await connection.serve();
  } catch (const std::exception& e) {
    log::error("a connection failed", {{"what", e.what()}});
  }
}

}  // namespace distsys::net
