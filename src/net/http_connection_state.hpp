// What a raw client connection is made of: the socket, its TLS, the bytes read ahead, and one lazy deadline timer.
#pragma once

#include "distsys/net/http_connection.hpp"
#include "http_answer_parser.hpp"

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/ssl/stream.hpp>

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace distsys::net {

struct http_connection::state : std::enable_shared_from_this<state> {
  using socket = asio::basic_stream_socket<asio::ip::tcp, executor>;
  using timer = asio::basic_waitable_timer<runtime::steady_clock, asio::wait_traits<runtime::steady_clock>, executor>;
  static constexpr runtime::deadline never = runtime::deadline::max();

  explicit state(executor where) : plain(where), clock(where) {}

  awaitable<result<void>> connect(asio::ip::tcp::endpoint peer, connect_options options, runtime::deadline limit);
  awaitable<result<void>> write(std::string_view request, runtime::deadline limit);
  awaitable<result<http_answer>> read(bool answer_to_head, bool keep_body, runtime::deadline limit);
  awaitable<result<http_answer>> exchange_slowly(std::string_view rest, bool answer_to_head, bool keep_body,
                                                 runtime::deadline limit);
  /// As much as the kernel takes without waiting; errors are left for write() to meet.
  std::size_t send_now(std::string_view request) noexcept;
  void close() noexcept;

  socket plain;
  std::optional<asio::ssl::stream<socket&>> secure;
  http_stage stage = http_stage::connecting;

 private:
  /// Notes until when the operation that follows may last. The timer is set about once a time-out, not once a request:
  /// when it rings and the limit has moved on meanwhile, it is set again.
  void begin(runtime::deadline& which, runtime::deadline limit);
  void set_timer(runtime::deadline when);
  void ring();

  awaitable<result<void>> handshake(const connect_options& options);
  void begin_answer(bool answer_to_head, bool keep_body);
  http_answer_parser::step advance();
  result<http_answer> answer();
  asio::mutable_buffer room();
  /// Closes and says why.
  error fail(http_stage where, const boost::system::error_code& ec);
  error refuse(http_answer_parser::step why);

  std::string peer_name() const;

  timer clock;
  runtime::deadline rings_at_ = never;
  runtime::deadline read_limit_ = never;  // of the operation under way; never when there is none
  runtime::deadline write_limit_ = never;
  bool timed_out_ = false;

  http_answer_parser parser_;
  std::vector<char> buffer_;  // [0, head_) the answer's head, [begin_, end_) bytes not parsed yet
  std::size_t head_begin_ = 0;
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  bool in_body_ = false;
  asio::ip::tcp::endpoint peer_;
};

}  // namespace distsys::net
