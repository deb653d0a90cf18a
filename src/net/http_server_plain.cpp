#include "http_server_connection.hpp"
#include "http_server_open.hpp"

namespace distsys::net {

awaitable<void> serve_plain(std::shared_ptr<server_state> server, server_loop& part, tcp_socket socket, bool refuse) {
  co_await asio::this_coro::throw_if_cancelled(false);
  const open_connection open(*server, part, refuse);
  try {
    server_connection<tcp_socket> connection(*server, part, socket);
    if (refuse) connection.refuse_next();
    co_await connection.serve();
  } catch (const std::exception& e) {
    log::error("a connection failed", {{"what", e.what()}});
  }
}

}  // namespace distsys::net
