// A connection of the server: reads requests, runs handlers, writes answers in order, over a plain or a TLS stream.
#pragma once

#include "distsys/foundation/log.hpp"
#include "http_exchange.hpp"
#include "http_gzip.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/experimental/awaitable_operators.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <optional>
#include <type_traits>

namespace distsys::net {

/// `Stream` is tcp_socket or asio::ssl::stream<tcp_socket>. Lives in the frame of the coroutine that serves it.
template <class Stream>
class server_connection final : public loop_connection {
  static constexpr bool plain = std::is_same_v<Stream, tcp_socket>;

 public:
  server_connection(server_state& server, server_loop& part, Stream& stream)
      : server_(server),
        part_(part),
        stream_(stream),
        exchange_(server, part, peer_of(stream), !plain),
        input_(initial_input, '\0'),
        stream_end_(part.where, runtime::deadline::max()) {
    part_.insert(*this);
  }
  ~server_connection() { server_loop::remove(*this); }
  server_connection(const server_connection&) = delete;
  server_connection& operator=(const server_connection&) = delete;

  awaitable<void> serve();

  /// The handshake and the like: a deadline on whatever the socket does next.
  void limit(std::chrono::milliseconds d) {
    deadline = runtime::steady_now() + d;
    expired_ = false;
  }
  void refuse_next() { refusing_ = true; }

  void expire() override {
    expired_ = true;
    deadline = runtime::deadline::max();
    boost::system::error_code ignored;
    stream_.lowest_layer().cancel(ignored);
  }
  void on_drain() override;

 private:
  enum class phase : std::uint8_t { idle, header, busy, streaming };
  enum class got : std::uint8_t { bytes, nothing, closed };
  static constexpr std::size_t initial_input = 4096;
  static constexpr std::size_t kept_body = 64u << 10;      // a body buffer over this is given back
  static constexpr std::size_t copied_body = 16u << 10;    // TLS: one record instead of two
  static constexpr std::size_t linger_bytes = 256u << 10;  // thrown away while the peer reads the last answer
  static constexpr std::size_t written_slice = 64u << 10;  // must be read within the write deadline
  class writer;

  /// Counts a request among those in flight while it lives.
  struct counted {
    explicit counted(server_loop& p) : part(p) { part.in_flight.fetch_add(1, std::memory_order_relaxed); }
    ~counted() { part.in_flight.fetch_sub(1, std::memory_order_relaxed); }
    counted(const counted&) = delete;
    counted& operator=(const counted&) = delete;
    server_loop& part;
  };

  /// Its share of max_in_flight_bytes.
  struct reserved_bytes {
    explicit reserved_bytes(server_state& s) : server(s) {}
    ~reserved_bytes() { server.body_bytes.fetch_sub(held, std::memory_order_relaxed); }
    reserved_bytes(const reserved_bytes&) = delete;
    reserved_bytes& operator=(const reserved_bytes&) = delete;
    bool grow_to(std::size_t n) {
      if (n <= held) return true;
      const std::size_t more = n - held;
      if (server.body_bytes.fetch_add(more, std::memory_order_relaxed) + more >
          server.options.limits.max_in_flight_bytes) {
        server.body_bytes.fetch_sub(more, std::memory_order_relaxed);
        return false;
      }
      held = n;
      return true;
    }
    server_state& server;
    std::size_t held = 0;
  };

  static asio::ip::address peer_of(Stream& s) {
    boost::system::error_code ec;
    const auto end = s.lowest_layer().remote_endpoint(ec);
    return ec ? asio::ip::address{} : end.address();
  }
  tcp_socket& socket() noexcept {
    if constexpr (plain)
      return stream_;
    else
      return stream_.next_layer();
  }
  bool stopping() const noexcept { return server_.closing.load(std::memory_order_relaxed); }
  bool draining() const noexcept { return server_.draining.load(std::memory_order_relaxed); }
  std::string_view unread() const noexcept { return {input_.data() + begin_, end_ - begin_}; }

  void make_room();
  void take_pending();
  bool more_waiting();
  got read_now();
  awaitable<bool> read_head();
  awaitable<bool> read_some_idle();
  awaitable<bool> handle_request();
  awaitable<bool> read_body(std::size_t max_body, reserved_bytes& reserved, framing_error& why);
  awaitable<bool> read_chunked(std::size_t max_body, reserved_bytes& reserved, framing_error& why);
  awaitable<bool> fill_body(std::size_t length, reserved_bytes& reserved, framing_error& why);
  awaitable<bool> continue_if_expected();
  awaitable<bool> respond(http_response& response, bool keep, runtime::deadline began);
  awaitable<void> refuse(framing_error e);
  awaitable<void> compress(http_response& response);
  void write_now(std::string_view& a, std::string_view& b);
  awaitable<bool> write(std::string_view a, std::string_view b);
  awaitable<bool> run_stream(stream_function run);
  awaitable<void> run_producer(stream_function& run, writer& to);
  awaitable<void> watch_peer();
  awaitable<void> wait_for_end();
  awaitable<void> finish_connection();
  bool keep_after(const http_response& response);

  server_state& server_;
  server_loop& part_;
  Stream& stream_;
  http_exchange exchange_;
  head_scanner scanner_;
  std::string input_;  // unread bytes are [begin_, end_)
  std::size_t begin_ = 0, end_ = 0;
  std::string pending_;  // received beyond a chunked body; joins input_ when no view refers to that
  std::string body_;
  std::optional<counted> in_flight_;
  phase phase_ = phase::idle;
  bool expired_ = false;
  bool refusing_ = false;
  bool peer_closed_ = false;
  bool broken_ = false;  // nothing can be written any more
  bool linger_ = false;  // the peer may still be sending: it must not lose the last answer to a reset
  runtime::deadline last_active_{};
  loop_timer stream_end_;
};

}  // namespace distsys::net

#include "http_server_connection_read.ipp"
#include "http_server_connection_write.ipp"
