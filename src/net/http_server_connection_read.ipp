// The reading half of server_connection.
#pragma once

namespace distsys::net {

// Called where no view into the buffer is alive but the scanner's offsets, which are relative.
template <class Stream>
void server_connection<Stream>::make_room() {
  if (begin_ == end_) {
    begin_ = end_ = 0;
  } else if (end_ == input_.size() && begin_ > 0) {
    std::memmove(input_.data(), input_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == input_.size()) input_.resize(input_.size() * 2);
}

/// Between two requests, when no view into the buffer is alive.
template <class Stream>
void server_connection<Stream>::take_pending() {
  if (begin_ == end_) {
    begin_ = end_ = 0;
    if (input_.size() > initial_input) std::string(initial_input, '\0').swap(input_);  // idle connections stay small
  }
  if (pending_.empty()) return;
  input_.resize(std::max(input_.size(), end_ + pending_.size()));
  std::memcpy(input_.data() + end_, pending_.data(), pending_.size());
  end_ += pending_.size();
  pending_.clear();
}

/// Is (part of) a next request here already? Asked while draining: what was received is answered.
template <class Stream>
bool server_connection<Stream>::more_waiting() {
  if (begin_ != end_ || !pending_.empty()) return true;
  if constexpr (!plain) {
    SSL* const tls = stream_.native_handle();
    if (SSL_pending(tls) > 0 || BIO_ctrl_pending(SSL_get_rbio(tls)) > 0) return true;
  }
  boost::system::error_code ec;
  return stream_.lowest_layer().available(ec) > 0 && !ec;
}

/// What the kernel has now, without waiting.
template <class Stream>
auto server_connection<Stream>::read_now() -> got {
  if (peer_closed_) return got::closed;
  make_room();
  boost::system::error_code ec;
  const std::size_t n = stream_.read_some(asio::buffer(input_.data() + end_, input_.size() - end_), ec);
  end_ += n;
  if (n > 0) return got::bytes;
  if (ec == asio::error::would_block || ec == asio::error::try_again) return got::nothing;
  peer_closed_ = true;
  return got::closed;
}

template <class Stream>
void server_connection<Stream>::on_drain() {
  if (phase_ == phase::streaming) stream_end_.cancel();
  if (phase_ != phase::idle) return;
  // A client in mid-conversation has its next request under way: it gets a moment, a sleeping one gets none.
  constexpr auto active = std::chrono::seconds(1);
  constexpr auto grace = std::chrono::milliseconds(150);
  const auto now = runtime::steady_now();
  if (now - last_active_ < active)
    deadline = std::min(deadline, now + grace);
  else
    expire();
}

/// Waits for a whole head. False: the connection is over, and whatever was to be said was said.
template <class Stream>
awaitable<bool> server_connection<Stream>::read_head() {
  const http_limits& limits = server_.options.limits;
  const head_limits heads{limits.max_header_bytes, limits.max_target_bytes};
  scanner_.reset();
  while (true) {
    if (begin_ != end_) {
      const auto state = scanner_.scan(unread(), heads);
      if (state == head_scanner::state::complete) break;
      if (state == head_scanner::state::bad) {
        co_await refuse(scanner_.error());
        co_return false;
      }
      if (phase_ == phase::idle) {
        phase_ = phase::header;
        limit(limits.header_deadline);
      }
    }
    if (expired_ && phase_ == phase::header) {
      co_await refuse({408, "the header did not arrive in time"});
      co_return false;
    }
    if (!co_await read_some_idle()) co_return false;
  }
  const std::string_view block = unread().substr(0, scanner_.size());
  if (const framing_error e = parse_head(block, heads, exchange_.head)) {
    co_await refuse(e);
    co_return false;
  }
  begin_ += scanner_.size();
  co_return true;
}

/// One read while waiting for a request or for more of its head.
template <class Stream>
awaitable<bool> server_connection<Stream>::read_some_idle() {
  make_room();
  if (!expired_) {
    const auto [ec, n] =
        co_await stream_.async_read_some(asio::buffer(input_.data() + end_, input_.size() - end_), use_tuple);
    end_ += n;
    if (n > 0) co_return true;
    if (stopping() || !expired_) {
      peer_closed_ = ec != asio::error::operation_aborted;
      co_return false;
    }
  }
  if (phase_ == phase::header) co_return true;  // the caller answers 408
  // Before an idle connection is closed, a last look: what the kernel has received is answered.
  const got last = read_now();
  if (last != got::bytes) co_return false;
  expired_ = false;
  co_return true;
}

template <class Stream>
awaitable<bool> server_connection<Stream>::continue_if_expected() {
  if (!exchange_.head.expect_continue || begin_ != end_) co_return true;
  co_return co_await write("HTTP/1.1 100 Continue\r\n\r\n", {});
}

/// Bytes of a body that the buffer does not hold yet go to body_: views of the head stay valid.
template <class Stream>
awaitable<bool> server_connection<Stream>::fill_body(std::size_t length, reserved_bytes& reserved, framing_error& why) {
  const std::size_t here = std::min(length, end_ - begin_);
  body_.assign(input_.data() + begin_, here);
  begin_ += here;
  while (body_.size() < length) {
    // Grown as bytes come, so that a promise of many costs no memory.
    const std::size_t at = body_.size();
    body_.resize(std::min(length, std::max<std::size_t>(at * 2, 16u << 10)));
    if (!reserved.grow_to(body_.size())) {
      why = {503, "too many bytes of requests are being handled"};
      co_return false;
    }
    if (expired_) {
      why = {408, "the body did not arrive in time"};
      co_return false;
    }
    const auto [ec, n] =
        co_await stream_.async_read_some(asio::buffer(body_.data() + at, body_.size() - at), use_tuple);
    body_.resize(at + n);
    if (n == 0 && !expired_) co_return false;
  }
  exchange_.request().body = body_;
  co_return true;
}

template <class Stream>
awaitable<bool> server_connection<Stream>::read_chunked(std::size_t max_body, reserved_bytes& reserved,
                                                        framing_error& why) {
  chunked_decoder decoder(max_body);
  std::array<char, 8192> buffer;  // NOLINT(cppcoreguidelines-pro-type-member-init)
  body_.clear();
  std::string_view bytes = unread();
  while (true) {
    std::size_t consumed = 0;
    const auto state = decoder.feed(bytes, body_, consumed);
    if (bytes.data() != buffer.data()) begin_ += consumed;
    if (state == chunked_decoder::state::bad) {
      why = decoder.error();
      co_return false;
    }
    if (!reserved.grow_to(body_.size())) {
      why = {503, "too many bytes of requests are being handled"};
      co_return false;
    }
    if (state == chunked_decoder::state::complete) {
      // Bytes of the next request, kept apart: the head's views refer to the buffer until this one is answered.
      if (bytes.data() == buffer.data()) pending_ = bytes.substr(consumed);
      break;
    }
    if (expired_) {
      why = {408, "the body did not arrive in time"};
      co_return false;
    }
    const auto [ec, n] = co_await stream_.async_read_some(asio::buffer(buffer), use_tuple);
    if (n == 0 && !expired_) co_return false;
    bytes = {buffer.data(), n};
  }
  exchange_.request().body = body_;
  co_return true;
}

/// False with `why` set: answer that and close. False without: the peer is gone.
template <class Stream>
awaitable<bool> server_connection<Stream>::read_body(std::size_t max_body, reserved_bytes& reserved,
                                                     framing_error& why) {
  const request_head& head = exchange_.head;
  if (!head.chunked && head.content_length.value_or(0) == 0) co_return true;
  const std::uint64_t length = head.content_length.value_or(0);
  if (length > max_body) {
    why = {413, "the body is too large"};
    co_return false;
  }
  const auto size = static_cast<std::size_t>(length);
  if (!head.chunked && end_ - begin_ >= size) {  // already here: no copy
    if (!reserved.grow_to(size)) {
      why = {503, "too many bytes of requests are being handled"};
      co_return false;
    }
    exchange_.request().body = unread().substr(0, size);
    begin_ += size;
    co_return true;
  }
  limit(server_.options.limits.body_deadline);
  if (!co_await continue_if_expected()) co_return false;
  limit(server_.options.limits.body_deadline);
  if (head.chunked) co_return co_await read_chunked(max_body, reserved, why);
  co_return co_await fill_body(size, reserved, why);
}

}  // namespace distsys::net
