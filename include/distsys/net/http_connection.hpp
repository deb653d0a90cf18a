// A raw HTTP/1.1 client connection: keep-alive, pipelining by the caller, no redirects, no policy. For load generation,
// health checks and tests; the world's servers are reached through ports/http_client.hpp.
#pragma once

#include "distsys/foundation/error.hpp"
#include "distsys/runtime/awaitable.hpp"
#include "distsys/runtime/clock.hpp"

#include <boost/asio/ip/tcp.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace distsys::net {

/// What is known of an answer; views are valid until the next read.
struct http_answer {
  int status = 0;
  std::string_view head;       // the status line and headers as received
  std::string_view body;       // empty when `keep_body` was false
  std::size_t body_bytes = 0;  // also of a body that was not kept
  bool keep_alive = true;
  std::string_view header(std::string_view name) const noexcept;  // case-insensitive, first; trimmed
};

struct connect_options {
  bool tls = false;
  bool verify_certificate = true;
  std::string server_name;  // SNI and Host
};

/// What a connection was doing when a call on it failed.
enum class http_stage : std::uint8_t {
  connecting,
  writing,
  reading,
  closed_early,  // the peer closed in good order where an answer was due
};

/// Belongs to one loop. One read and one write may be outstanding at a time; a deadline that passes closes it, and so
/// does every error. An operation keeps what it needs alive when the connection is moved, not when it is destroyed.
class http_connection {
 public:
  explicit http_connection(executor where);
  ~http_connection();
  http_connection(http_connection&&) noexcept;
  http_connection& operator=(http_connection&&) noexcept;

  awaitable<result<void>> connect(asio::ip::tcp::endpoint peer, connect_options options, runtime::deadline limit);
  /// `request` is the whole request, framed by the caller; referred to until the call returns.
  awaitable<result<void>> write(std::string_view request, runtime::deadline limit);
  /// One final answer (1xx are skipped). errc::corrupt for bytes that are not HTTP, errc::unavailable when the peer
  /// closed, errc::timeout, errc::too_large for a head over 64 KiB or a kept body over 64 MiB.
  awaitable<result<http_answer>> read(bool answer_to_head, bool keep_body, runtime::deadline limit);
  /// write(), then read(), at less cost: a request that the kernel takes at once needs no wait. An answer that came
  /// before the peer broke the connection is returned although the request was not sent whole.
  awaitable<result<http_answer>> exchange(std::string_view request, bool answer_to_head, bool keep_body,
                                          runtime::deadline limit);
  bool is_open() const noexcept;
  /// Of the last call that failed.
  http_stage failed_stage() const noexcept;
  void close() noexcept;

 private:
  struct state;
  std::shared_ptr<state> state_;
};

/// Name or literal to endpoints; resolved without blocking the loop. errc::not_found for a name that does not exist,
/// errc::unavailable when the resolver gave no answer.
awaitable<result<std::vector<asio::ip::tcp::endpoint>>> resolve(std::string host, std::uint16_t port);

}  // namespace distsys::net
