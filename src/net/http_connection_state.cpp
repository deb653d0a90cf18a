#include "http_connection_state.hpp"

#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/error.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/write.hpp>

#include <sys/socket.h>

#include <algorithm>
#include <cstring>

namespace distsys::net {
namespace {

constexpr std::size_t first_buffer = 16u << 10;
constexpr std::size_t least_room = 4u << 10;
constexpr std::size_t largest_buffer = 2 * http_answer_parser::max_head_bytes;

// Two for the process, because loading the trust store costs milliseconds.
asio::ssl::context make_context(bool verify) {
  asio::ssl::context c(asio::ssl::context::tls_client);
  SSL_CTX_set_min_proto_version(c.native_handle(), TLS1_2_VERSION);
  if (verify) c.set_default_verify_paths();
  c.set_verify_mode(verify ? asio::ssl::verify_peer : asio::ssl::verify_none);
  return c;
}

asio::ssl::context& context_for(bool verify) {
  static asio::ssl::context strict = make_context(true);
  static asio::ssl::context lax = make_context(false);
  return verify ? strict : lax;
}

std::string reason(const boost::system::error_code& ec) {
  if (ec == asio::error::eof || ec == asio::ssl::error::stream_truncated) return "closed by the peer";
  return ec.message();
}

}  // namespace

void http_connection::state::close() noexcept {
  boost::system::error_code ignored;
  plain.close(ignored);
  if (rings_at_ != never) {
    rings_at_ = never;
    clock.cancel();
  }
}

std::string http_connection::state::peer_name() const {
  const auto address = peer_.address();
  const std::string host = address.is_v6() ? "[" + address.to_string() + "]" : address.to_string();
  return host + ":" + std::to_string(peer_.port());
}

void http_connection::state::begin(runtime::deadline& which, runtime::deadline limit) {
  which = limit;
  if (limit < rings_at_) set_timer(limit);
}

void http_connection::state::set_timer(runtime::deadline when) {
  rings_at_ = when;
  clock.expires_at(when);
  clock.async_wait([weak = weak_from_this()](boost::system::error_code ec) {
    if (ec) return;
    if (const auto self = weak.lock()) self->ring();
  });
}

void http_connection::state::ring() {
  // A wait that was over before it could be cancelled: a newer one is under way, or none is wanted.
  const auto now = runtime::steady_now();
  if (now < rings_at_) return;
  rings_at_ = never;
  const auto limit = std::min(read_limit_, write_limit_);
  if (limit == never) return;
  if (limit > now) return set_timer(limit);
  timed_out_ = true;
  close();
}

error http_connection::state::fail(http_stage where, const boost::system::error_code& ec) {
  const bool ended = ec == asio::error::eof || ec == asio::ssl::error::stream_truncated;
  stage = ended && where == http_stage::reading ? http_stage::closed_early : where;
  constexpr const char* doing[] = {"connecting to ", "writing to ", "reading from ", "reading from "};
  const std::string what = doing[static_cast<std::size_t>(stage)] + peer_name();
  close();
  if (timed_out_) return {errc::timeout, what + " took too long"};
  if (ec == asio::error::operation_aborted) return {errc::cancelled, what};
  return {errc::unavailable, what + ": " + reason(ec)};
}

awaitable<result<void>> http_connection::state::connect(asio::ip::tcp::endpoint peer, connect_options options,
                                                        runtime::deadline limit) {
  const auto self = shared_from_this();
  close();
  secure.reset();
  peer_ = peer;
  timed_out_ = false;
  head_begin_ = begin_ = end_ = 0;
  stage = http_stage::connecting;
  boost::system::error_code ec;
  plain.open(peer.protocol(), ec);
  if (!ec) plain.set_option(asio::ip::tcp::no_delay(true), ec);
  if (!ec) plain.native_non_blocking(true, ec);
  if (ec) co_return fail(http_stage::connecting, ec);
  begin(write_limit_, limit);
  co_await plain.async_connect(peer, asio::redirect_error(use_awaitable, ec));
  if (!ec && options.tls) {
    auto secured = co_await handshake(options);
    write_limit_ = never;
    co_return secured;
  }
  write_limit_ = never;
  if (ec) co_return fail(http_stage::connecting, ec);
  co_return result<void>{};
}

awaitable<result<void>> http_connection::state::handshake(const connect_options& options) {
  secure.emplace(plain, context_for(options.verify_certificate));
  boost::system::error_code literal;
  asio::ip::make_address(options.server_name, literal);
  // RFC 6066, section 3: no literals in SNI.
  if (literal && !options.server_name.empty())
    SSL_set_tlsext_host_name(secure->native_handle(), options.server_name.c_str());
  if (options.verify_certificate) secure->set_verify_callback(asio::ssl::host_name_verification(options.server_name));
  auto [ec] = co_await secure->async_handshake(asio::ssl::stream_base::client, use_tuple);
  if (ec) {
    const long verified = SSL_get_verify_result(secure->native_handle());
    auto e = fail(http_stage::connecting, ec);
    if (options.verify_certificate && verified != X509_V_OK)
      e.detail += std::string(" (") + X509_verify_cert_error_string(verified) + ")";
    co_return e;
  }
  co_return result<void>{};
}

std::size_t http_connection::state::send_now(std::string_view request) noexcept {
  if (secure || !plain.is_open()) return 0;
  const auto n = ::send(plain.native_handle(), request.data(), request.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  return n < 0 ? 0 : static_cast<std::size_t>(n);
}

awaitable<result<void>> http_connection::state::write(std::string_view request, runtime::deadline limit) {
  const auto self = shared_from_this();
  if (!plain.is_open()) co_return fail(http_stage::writing, asio::error::not_connected);
  request.remove_prefix(send_now(request));
  if (request.empty()) co_return result<void>{};
  begin(write_limit_, limit);
  boost::system::error_code ec;
  if (secure)
    co_await asio::async_write(*secure, asio::buffer(request), asio::redirect_error(use_awaitable, ec));
  else
    co_await asio::async_write(plain, asio::buffer(request), asio::redirect_error(use_awaitable, ec));
  write_limit_ = never;
  if (ec) co_return fail(http_stage::writing, ec);
  co_return result<void>{};
}

awaitable<result<http_answer>> http_connection::state::exchange_slowly(std::string_view rest, bool answer_to_head,
                                                                       bool keep_body, runtime::deadline limit) {
  const auto self = shared_from_this();
  if (!plain.is_open()) co_return fail(http_stage::writing, asio::error::not_connected);
  begin(write_limit_, limit);
  boost::system::error_code broken;
  if (secure)
    co_await asio::async_write(*secure, asio::buffer(rest), asio::redirect_error(use_awaitable, broken));
  else
    co_await asio::async_write(plain, asio::buffer(rest), asio::redirect_error(use_awaitable, broken));
  write_limit_ = never;
  if (broken && (timed_out_ || broken == asio::error::operation_aborted)) co_return fail(http_stage::writing, broken);
  auto answered = co_await read(answer_to_head, keep_body, limit);
  if (broken && answered) answered->keep_alive = false;
  if (broken && !answered) co_return fail(http_stage::writing, broken);
  co_return answered;
}

void http_connection::state::begin_answer(bool answer_to_head, bool keep_body) {
  if (begin_ != 0 && end_ > begin_) std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
  end_ -= begin_;
  begin_ = head_begin_ = 0;
  in_body_ = false;
  parser_.start(answer_to_head, keep_body);
}

http_answer_parser::step http_connection::state::advance() {
  using step = http_answer_parser::step;
  while (!in_body_) {
    const step s = parser_.parse_head({buffer_.data() + head_begin_, end_ - head_begin_});
    if (s != step::complete) return s;
    begin_ = head_begin_ + parser_.head_bytes();
    if (parser_.interim()) {
      // What follows an interim answer moves to its place, so that no number of them needs more memory.
      std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
      end_ -= begin_;
      begin_ = head_begin_ = 0;
      parser_.start_again();
    } else {
      in_body_ = true;
    }
  }
  const auto [s, n] = parser_.parse_body({buffer_.data() + begin_, end_ - begin_});
  begin_ += n;
  return s;
}

asio::mutable_buffer http_connection::state::room() {
  if (in_body_) {
    // The body so far is parsed: its place is free again, the head's is not (http_answer::head).
    begin_ = end_ = head_begin_ + parser_.head_bytes();
    if (parser_.body_left() > buffer_.size() - end_ && buffer_.size() < largest_buffer) buffer_.resize(largest_buffer);
  }
  if (buffer_.size() - end_ < least_room) buffer_.resize(std::max(first_buffer, 2 * buffer_.size()));
  return asio::buffer(buffer_.data() + end_, buffer_.size() - end_);
}

result<http_answer> http_connection::state::answer() {
  http_answer a;
  a.status = parser_.status();
  a.head = {buffer_.data() + head_begin_, parser_.head_bytes()};
  a.body = parser_.kept_body();
  a.body_bytes = parser_.body_bytes();
  a.keep_alive = parser_.keep_alive();
  return a;
}

error http_connection::state::refuse(http_answer_parser::step why) {
  stage = http_stage::reading;
  close();
  if (why == http_answer_parser::step::too_large)
    return {errc::too_large, "the answer of " + peer_name() + " is over 64 KiB of head or 64 MiB of body"};
  return {errc::corrupt, "the answer of " + peer_name() + " is not HTTP/1.1: " + std::string(parser_.why())};
}

awaitable<result<http_answer>> http_connection::state::read(bool answer_to_head, bool keep_body,
                                                            runtime::deadline limit) {
  using step = http_answer_parser::step;
  const auto self = shared_from_this();
  begin_answer(answer_to_head, keep_body);
  for (;;) {
    const step s = end_ > begin_ ? advance() : step::need_more;
    if (s == step::complete) co_return answer();
    if (s != step::need_more) co_return refuse(s);
    if (!plain.is_open()) co_return fail(http_stage::reading, asio::error::not_connected);
    const auto space = room();
    begin(read_limit_, limit);
    auto [ec, n] =
        secure ? co_await secure->async_read_some(space, use_tuple) : co_await plain.async_read_some(space, use_tuple);
    read_limit_ = never;
    if (!ec) {
      end_ += n;
      continue;
    }
    if (ec == asio::error::eof && in_body_ && parser_.end_of_input() == step::complete) {
      close();
      co_return answer();
    }
    co_return fail(http_stage::reading, ec);
  }
}

}  // namespace distsys::net
