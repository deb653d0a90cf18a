// A byte stream to a server: TCP or a Unix socket, plain or with TLS.
#pragma once

#include "distsys/foundation/error.hpp"
#include "distsys/runtime/awaitable.hpp"

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/ssl/context.hpp>

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>

namespace distsys::adapters::redis {

using raw_socket = asio::basic_stream_socket<asio::generic::stream_protocol, executor>;
using io_outcome = std::pair<boost::system::error_code, std::size_t>;

/// Used on its loop only; one read and one write at a time.
class stream {
 public:
  virtual ~stream() = default;
  /// `then` is for what comes behind `into`, where there is more at once.
  virtual awaitable<io_outcome> read_some(asio::mutable_buffer into, asio::mutable_buffer then = {}) = 0;
  /// `done` is called once, on the loop and never from within, after all of it or a failure. The bytes must live so
  /// long. `moved` is called whenever the system has taken a part of them and more is left.
  virtual void write(std::span<const asio::const_buffer> bytes, std::function<void(boost::system::error_code)> done,
                     std::function<void()> moved = {}) = 0;
  /// Bytes that the system has taken and the other side has not confirmed. 0 where it cannot tell.
  virtual std::size_t unconfirmed() noexcept = 0;
  /// What is under way ends with an error. May be called again.
  virtual void close() noexcept = 0;
};

std::unique_ptr<stream> make_plain_stream(raw_socket socket);

/// errc::invalid when the file of certificates cannot be read.
result<std::shared_ptr<asio::ssl::context>> make_tls_context(const std::string& ca_file, bool verify);
/// Shakes hands; `socket` stays the caller's to close meanwhile. errc::unavailable says why the server is not believed.
awaitable<result<std::unique_ptr<stream>>> make_tls_stream(std::shared_ptr<raw_socket> socket,
                                                           std::shared_ptr<asio::ssl::context> tls, std::string host,
                                                           bool verify);

}  // namespace distsys::adapters::redis
