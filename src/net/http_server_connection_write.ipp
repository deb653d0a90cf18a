// The answering half of server_connection.
#pragma once

namespace distsys::net {

/// The open end of a streamed answer.
template <class Stream>
class server_connection<Stream>::writer final : public body_stream {
 public:
  writer(server_connection& to, bool chunked) : to_(to), chunked_(chunked) {}
  bool failed = false;

  awaitable<result<void>> write(std::string_view bytes) override {
    const auto state = co_await asio::this_coro::cancellation_state;
    if (state.cancelled() != asio::cancellation_type::none || to_.stopping()) co_return error{errc::cancelled};
    if (failed || to_.peer_closed_ || to_.broken_) co_return error{errc::unavailable, "the client is gone"};
    if (bytes.empty()) co_return result<void>{};  // an empty chunk would end the body
    std::string_view head;
    if (chunked_) {
      std::array<char, 20> size{};
      const int n = std::snprintf(size.data(), size.size(), "%zx\r\n", bytes.size());
      chunk_.assign(size.data(), static_cast<std::size_t>(n));
      chunk_.append(bytes).append("\r\n");
      bytes = chunk_;
    }
    if (co_await to_.write(head, bytes)) {
      to_.deadline = runtime::deadline::max();
      if (chunk_.capacity() > kept_body) chunk_ = {};
      co_return result<void>{};
    }
    failed = true;
    if (to_.expired_) co_return error{errc::timeout, "the client does not read"};
    co_return error{errc::unavailable, "the client is gone"};
  }

 private:
  server_connection& to_;
  bool chunked_;
  std::string chunk_;
};

template <class Stream>
awaitable<void> server_connection<Stream>::serve() {
  co_await asio::this_coro::throw_if_cancelled(false);
  last_active_ = runtime::steady_now();
  if (refusing_) {
    server_.refused("connections");
    co_await refuse({503, "too many connections"});
  }
  while (!refusing_ && !stopping()) {
    phase_ = phase::idle;
    take_pending();
    expired_ = false;
    deadline = last_active_ + server_.options.limits.idle_timeout;
    if (draining()) on_drain();
    if (!co_await read_head()) break;
    phase_ = phase::busy;
    if (!co_await handle_request()) break;
    in_flight_.reset();
  }
  in_flight_.reset();
  phase_ = phase::busy;
  co_await finish_connection();
}

template <class Stream>
awaitable<bool> server_connection<Stream>::handle_request() {
  const auto began = runtime::steady_now();
  deadline = runtime::deadline::max();
  const bool admitted = server_.admits(part_);
  in_flight_.emplace(part_);
  std::optional<reserved_bytes> reserved(std::in_place, server_);
  std::optional<http_response> early = exchange_.begin(began);
  if (!admitted) {
    server_.refused("in_flight");
    early = http_response::problem(503, "Service Unavailable", "too many requests are being handled")
                .header("Retry-After", "1");
  }
  http_response response;
  if (exchange_.head.chunked || exchange_.head.content_length.value_or(0) != 0) {
    const bool unasked = early && exchange_.head.expect_continue;  // the body will not be sent: nothing to read
    framing_error why;
    if (unasked || !co_await read_body(early ? kept_body : exchange_.max_body(), *reserved, why)) {
      if (early) co_return co_await respond(*early, false, began);
      if (why) co_await refuse(why);
      co_return false;
    }
    deadline = runtime::deadline::max();
    if (!early) exchange_.request().deadline = runtime::steady_now() + exchange_.route()->options.handler_timeout;
  }
  if (early) co_return co_await respond(*early, true, began);
  std::string failed;
  try {
    response = co_await exchange_.route()->handle(exchange_.request());
  } catch (const std::exception& e) {
    failed = e.what();
  }
  if (stopping()) co_return false;
  if (!failed.empty()) {
    log::error(
        "a handler failed",
        {{"route", exchange_.route()->pattern}, {"what", failed}, {"request_id", exchange_.request().request_id}});
    response = http_response::problem(500, "Internal Server Error", "");
  }
  if (std::holds_alternative<stream_function>(response.body)) {  // may run for hours: the request's body goes now
    std::string().swap(body_);
    reserved.reset();
  }
  const bool good = co_await respond(response, true, began);
  if (body_.capacity() > kept_body) body_ = {};
  co_return good;
}

template <class Stream>
bool server_connection<Stream>::keep_after(const http_response& r) {
  if (!exchange_.head.keep_alive || r.close || stopping()) return false;
  if (!exchange_.head.http11 && std::holds_alternative<stream_function>(r.body)) return false;  // ends by closing
  return !draining() || more_waiting();
}

template <class Stream>
awaitable<void> server_connection<Stream>::compress(http_response& response) {
  constexpr std::size_t slice = 64u << 10;
  const std::string& plain_text = std::get<std::string>(response.body);
  std::string out;
  gzip_writer gz(4);
  bool good = true;
  for (std::string_view rest = plain_text; good && !rest.empty();) {
    const std::string_view part = rest.substr(0, slice);
    rest.remove_prefix(part.size());
    good = gz.write(part, rest.empty(), out);
    co_await asio::post(part_.where, use_tuple);  // others first
  }
  if (good && out.size() < plain_text.size()) http_exchange::mark_gzip(response, std::move(out));
}

template <class Stream>
awaitable<bool> server_connection<Stream>::respond(http_response& response, bool keep, runtime::deadline began) {
  keep = keep && keep_after(response);
  if (exchange_.wants_gzip(response) && std::get<std::string>(response.body).size() > (64u << 10))
    co_await compress(response);
  exchange_.finish(response, keep, began);
  std::string_view head = exchange_.head_bytes();
  std::string_view body = exchange_.body_bytes();
  const std::size_t sent = head.size() + body.size();
  if constexpr (plain) write_now(head, body);
  const bool whole = head.empty() && body.empty();
  if (!whole) in_flight_.reset();  // a client that reads slowly keeps nobody out
  const bool good = !broken_ && (whole || co_await write(head, body));
  last_active_ = runtime::steady_now();
  exchange_.record(began, last_active_, sent);
  linger_ = !keep && good && (exchange_.head.keep_alive || begin_ != end_);
  if (!good || !exchange_.streams()) co_return good&& keep;
  in_flight_.reset();  // an open stream is a connection, not a request that keeps others out
  co_return co_await run_stream(std::move(std::get<stream_function>(response.body))) && keep;
}

/// Says why and lets the connection end.
template <class Stream>
awaitable<void> server_connection<Stream>::refuse(framing_error e) {
  const auto now = runtime::steady_now();
  limit(server_.options.limits.write_deadline);
  if (phase_ != phase::busy) exchange_.reset();
  if (!refusing_) server_.refused(std::to_string(e.status));
  http_response r = http_response::problem(e.status, reason_phrase(e.status), e.why);
  if (e.status == 503) r.header("Retry-After", "1");
  exchange_.finish(r, false, now);
  linger_ = co_await write(exchange_.head_bytes(), exchange_.body_bytes());
  exchange_.record(now, runtime::steady_now(), exchange_.head_bytes().size() + exchange_.body_bytes().size());
}

/// One attempt without a coroutine: nearly every answer fits into the socket's buffer.
template <class Stream>
void server_connection<Stream>::write_now(std::string_view& a, std::string_view& b) {
  boost::system::error_code ec;
  const std::array<asio::const_buffer, 2> both{asio::buffer(a), asio::buffer(b)};
  std::size_t n = b.empty() ? stream_.write_some(asio::buffer(a), ec) : stream_.write_some(both, ec);
  if (ec && ec != asio::error::would_block && ec != asio::error::try_again) broken_ = true;
  const std::size_t from_a = std::min(n, a.size());
  a.remove_prefix(from_a);
  b.remove_prefix(n - from_a);
}

template <class Stream>
awaitable<bool> server_connection<Stream>::write(std::string_view a, std::string_view b) {
  std::string joined;
  if constexpr (!plain) {
    if (!a.empty() && !b.empty() && b.size() <= copied_body) {
      joined.reserve(a.size() + b.size());
      joined.append(a).append(b);
      a = joined;
      b = {};
    }
  }
  expired_ = false;
  std::size_t slice = 0;
  while (!broken_ && !(a.empty() && b.empty())) {
    // Each slice has its own absolute deadline: a slow line is served, one that is read by drops is not.
    if (slice == 0) {
      limit(server_.options.limits.write_deadline);
      slice = written_slice;
    }
    const std::array<asio::const_buffer, 2> both{asio::buffer(a), asio::buffer(b)};
    const auto [ec, n] = co_await [&] {
      if constexpr (plain)
        return stream_.async_write_some(both, use_tuple);
      else
        return stream_.async_write_some(a.empty() ? both[1] : both[0], use_tuple);
    }();
    if (n == 0 && ec) broken_ = true;
    slice -= std::min(slice, n);
    const std::size_t from_a = std::min(n, a.size());
    a.remove_prefix(from_a);
    b.remove_prefix(n - from_a);
  }
  co_return !broken_;
}

template <class Stream>
awaitable<void> server_connection<Stream>::run_producer(stream_function& run, writer& to) {
  co_await asio::this_coro::throw_if_cancelled(false);
  try {
    co_await run(to);
  } catch (const std::exception& e) {
    to.failed = true;  // the body ends without its last chunk: the client sees that it is cut
    if (!stopping())
      log::error("a stream failed", {{"what", e.what()}, {"request_id", exchange_.request().request_id}});
  }
}

/// Ends when the peer is gone. What it sends meanwhile is its next request.
template <class Stream>
awaitable<void> server_connection<Stream>::watch_peer() {
  co_await asio::this_coro::throw_if_cancelled(false);
  while (end_ < input_.size()) {
    const auto [ec, n] =
        co_await stream_.async_read_some(asio::buffer(input_.data() + end_, input_.size() - end_), use_tuple);
    end_ += n;
    if (n > 0) continue;
    if (ec != asio::error::operation_aborted) peer_closed_ = true;
    co_return;
  }
  loop_timer forever(part_.where, runtime::deadline::max());
  co_await forever.async_wait(use_tuple);
}

template <class Stream>
awaitable<void> server_connection<Stream>::wait_for_end() {
  co_await asio::this_coro::throw_if_cancelled(false);
  if (!draining()) co_await stream_end_.async_wait(use_tuple);
}

/// True when the body is whole and the connection usable.
template <class Stream>
awaitable<bool> server_connection<Stream>::run_stream(stream_function run) {
  using namespace asio::experimental::awaitable_operators;
  phase_ = phase::streaming;
  expired_ = false;
  deadline = runtime::deadline::max();
  writer to(*this, exchange_.head.http11);
  co_await (run_producer(run, to) || watch_peer() || wait_for_end());
  phase_ = phase::busy;
  if (to.failed || broken_ || peer_closed_ || stopping()) co_return false;
  last_active_ = runtime::steady_now();
  linger_ = true;
  if (!exchange_.head.http11) co_return false;
  // What came behind a chunked body would now stand behind what came during the stream: such a connection ends.
  co_return co_await write("0\r\n\r\n", {}) && !draining() && pending_.empty();
}

/// Half-closes and reads to the end, for a short time: a close with unread bytes is a reset, and would take the last
/// answer with it.
template <class Stream>
awaitable<void> server_connection<Stream>::finish_connection() {
  constexpr auto patience = std::chrono::milliseconds(2000);
  boost::system::error_code ignored;
  if (!broken_ && !peer_closed_ && !stopping()) {
    limit(patience);
    if constexpr (!plain) co_await stream_.async_shutdown(use_tuple);
    stream_.lowest_layer().shutdown(tcp_socket::shutdown_send, ignored);
    std::size_t thrown_away = 0;
    while (linger_ && !expired_ && !stopping() && thrown_away < linger_bytes) {
      const auto [ec, n] = co_await socket().async_receive(asio::buffer(input_), use_tuple);
      if (n == 0) break;
      thrown_away += n;
    }
  }
  stream_.lowest_layer().close(ignored);
}

}  // namespace distsys::net
