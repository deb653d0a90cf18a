#include "connector.hpp"

#include "command.hpp"
#include "redis_error.hpp"
#include "resolve.hpp"
#include "time_limit.hpp"

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/this_coro.hpp>

#include <array>
#include <charconv>

namespace distsys::adapters::redis {
namespace {

using boost::system::error_code;
using opened = result<std::unique_ptr<stream>>;

awaitable<bool> stopped() {
  co_return (co_await asio::this_coro::cancellation_state).cancelled() != asio::cancellation_type::none;
}

error failed(const std::string& where, const error_code& ec, bool late) {
  if (late) return {errc::unavailable, "redis " + where + ": no answer within the connect timeout"};
  return {errc::unavailable, "redis " + where + ": " + ec.message()};
}

error prefixed(const std::string& where, const error& e) {
  if (e == errc::cancelled) return e;
  return {errc::unavailable, "redis " + where + ": " + e.detail};
}

/// One write, then a reply for each command.
awaitable<result<std::vector<reply>>> exchange(stream& s, const command& c, runtime::deadline limit) {
  const auto bytes = std::make_shared<std::string>();
  c.write_to(*bytes, [](const ports::shared_bytes&) {});
  time_limit timely(co_await asio::this_coro::executor, limit, [&s] { s.close(); });
  const asio::const_buffer out = asio::buffer(*bytes);
  s.write({&out, 1}, [bytes](error_code) {});  // a failure shows in reading
  reply_reader reader({.elements = 1024, .depth = 3}, false);
  std::vector<reply> replies;
  std::array<char, 4096> in;
  while (replies.size() < c.count()) {
    const auto [ec, n] = co_await s.read_some(asio::buffer(in));
    if (co_await stopped()) co_return error{errc::cancelled};
    if (timely.late()) co_return error{errc::unavailable, "no answer within the connect timeout"};
    if (ec)
      co_return error{errc::unavailable, ec == asio::error::eof ? "the server closed the connection" : ec.message()};
    for (std::string_view came(in.data(), n); !came.empty();) {
      const auto used = reader.feed(came, in.size());
      if (!used) co_return used.error();
      came.remove_prefix(*used);
      for (;;) {
        auto one = reader.next(64u << 10);
        if (!one) co_return one.error();
        if (!*one) break;
        replies.push_back(std::move(**one));
      }
    }
  }
  if (replies.size() != c.count() || !reader.idle())
    co_return error{errc::unavailable, "the server sent more than answers"};
  co_return replies;
}

// The server's own words are kept out where a command held a password: Redis repeats the arguments of what it does not
// know.
error login_refused(std::string_view text) {
  const std::string_view code = text.substr(0, text.find(' '));
  if (code == "WRONGPASS") return {errc::unavailable, "the server refuses the user or the password (WRONGPASS)"};
  if (code == "NOAUTH") return {errc::unavailable, "the server asks for a password (NOAUTH)"};
  if (code == "ERR") return {errc::unavailable, "the server refuses the login"};
  return {errc::unavailable, server_error(text).detail};
}

/// AUTH, where there is a password, then a command of `arguments`.
command after_auth(const std::string& user, const std::string& password, std::size_t arguments) {
  if (password.empty()) return command(arguments);
  command c(user.empty() ? 2 : 3);
  c.add("AUTH");
  if (!user.empty()) c.add(user);
  c.add(password).then(arguments);
  return c;
}

}  // namespace

awaitable<opened> connector::connect() {
  const auto limit = runtime::steady_now() + options_->connect_timeout;
  if (co_await stopped()) co_return error{errc::cancelled};
  auto s = co_await connect_once(limit);
  if (!s && co_await stopped()) co_return error{errc::cancelled};
  co_return s;
}

awaitable<opened> connector::connect_once(runtime::deadline limit) {
  if (!options_->socket.empty()) {
    auto s = co_await open_socket(limit);
    if (!s) co_return s;
    if (auto in = co_await log_in(**s, limit); !in) co_return prefixed(options_->socket, in.error());
    co_return s;
  }
  server_address server = options_->servers.front();
  if (!options_->sentinel.empty()) {
    auto master = co_await ask_sentinels(limit);
    if (!master) co_return master.error();
    server = *master;
  }
  auto s = co_await open_server(server, limit);
  if (!s) co_return s;
  if (auto in = co_await log_in(**s, limit); !in) co_return prefixed(format(server), in.error());
  co_return s;
}

awaitable<opened> connector::open_socket(runtime::deadline limit) {
  const executor loop = co_await asio::this_coro::executor;
  const auto socket = std::make_shared<raw_socket>(loop);
  time_limit timely(loop, limit, [socket] { socket->close(); });
  const auto [ec] = co_await socket->async_connect(asio::local::stream_protocol::endpoint(options_->socket), use_tuple);
  if (ec) co_return failed(options_->socket, ec, timely.late());
  co_return make_plain_stream(std::move(*socket));
}

awaitable<opened> connector::open_server(server_address where, runtime::deadline limit) {
  const executor loop = co_await asio::this_coro::executor;
  auto addresses = co_await resolve(where.host, where.port, limit);
  if (!addresses) co_return prefixed(format(where), addresses.error());
  error last{errc::unavailable, "redis " + format(where) + ": no address"};
  for (std::size_t i = 0; i < addresses->size(); ++i) {
    // An address that swallows packets must not cost the others their turn.
    const auto now = runtime::steady_now();
    const auto share = now + (limit - now) / static_cast<std::int64_t>(addresses->size() - i);
    const auto socket = std::make_shared<raw_socket>(loop);
    error_code ec;
    bool late = false;
    {
      time_limit timely(loop, share, [socket] { socket->close(); });
      std::tie(ec) = co_await socket->async_connect((*addresses)[i], use_tuple);
      late = timely.late();
    }
    if (co_await stopped()) co_return error{errc::cancelled};
    if (!ec) co_return co_await secured(socket, where.host, limit);
    last = failed(format(where), ec, late);
  }
  co_return last;
}

awaitable<opened> connector::secured(std::shared_ptr<raw_socket> socket, std::string host, runtime::deadline limit) {
  error_code ignored;
  socket->set_option(asio::ip::tcp::no_delay(true), ignored);
  socket->set_option(asio::socket_base::keep_alive(true), ignored);
  if (!tls_) co_return make_plain_stream(std::move(*socket));
  time_limit timely(co_await asio::this_coro::executor, limit, [socket] { socket->close(); });
  auto s = co_await make_tls_stream(socket, tls_, host, options_->verify);
  if (!s)
    co_return error{
        errc::unavailable,
        "redis " + host + ": " + (timely.late() ? "no TLS handshake within the connect timeout" : s.error().detail)};
  co_return s;
}

awaitable<result<void>> connector::log_in(stream& s, runtime::deadline limit) {
  command c = after_auth(options_->user, options_->password, 1);
  c.add("PING");
  c.then(3).add("CLIENT").add("SETNAME").add("distsys");
  if (options_->database != 0) c.then(2).add("SELECT").add(std::int64_t{options_->database});
  if (!options_->sentinel.empty()) c.then(1).add("ROLE");
  const auto replies = co_await exchange(s, c, limit);
  if (!replies) co_return replies.error();
  const std::size_t named = options_->password.empty() ? 1 : 2;  // a server may forbid CLIENT
  for (std::size_t i = 0; i < replies->size(); ++i) {
    const reply& r = (*replies)[i];
    const bool is_role = !options_->sentinel.empty() && i + 1 == replies->size();
    if (r.type == reply::kind::error) {
      if (i == named) continue;
      co_return i < named ? login_refused(r.text) : error{errc::unavailable, server_error(r.text).detail};
    }
    if (!is_role && (r.type != reply::kind::status || r.text != (i + 1 == named ? "PONG" : "OK")))
      co_return error{errc::unavailable, "what answers is no Redis"};
  }
  if (options_->sentinel.empty()) co_return result<void>{};
  const reply& role = replies->back();
  if (role.type == reply::kind::array && !role.elements.empty() && role.elements[0].text == "master")
    co_return result<void>{};
  co_return error{errc::unavailable, "the sentinels name it, but it is no master"};
}

awaitable<result<server_address>> connector::ask_sentinels(runtime::deadline limit) {
  error last = errc::unavailable;
  const std::size_t n = options_->servers.size();
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t index = (first_sentinel_ + i) % n;
    const auto now = runtime::steady_now();
    auto master =
        co_await ask_sentinel(options_->servers[index], now + (limit - now) / static_cast<std::int64_t>(n - i + 1));
    if (master) first_sentinel_ = index;
    if (master || master.error() == errc::cancelled) co_return master;
    last = prefixed("sentinel " + format(options_->servers[index]), master.error());
  }
  co_return last;
}

awaitable<result<server_address>> connector::ask_sentinel(const server_address& sentinel, runtime::deadline limit) {
  const auto s = co_await open_server(sentinel, limit);
  if (!s) co_return s.error();
  command c = after_auth(options_->sentinel_user, options_->sentinel_password, 3);
  c.add("SENTINEL").add("get-master-addr-by-name").add(options_->sentinel);
  const auto replies = co_await exchange(**s, c, limit);
  if (!replies) co_return replies.error();
  for (const reply& r : *replies)
    if (r.type == reply::kind::error) co_return login_refused(r.text);
  const reply& answer = replies->back();
  if (answer.type != reply::kind::array || answer.elements.size() != 2)
    co_return error{errc::unavailable, "it knows no master '" + options_->sentinel + "'"};
  server_address master{answer.elements[0].text, 0};
  const std::string& port = answer.elements[1].text;
  const auto [end, bad] = std::from_chars(port.data(), port.data() + port.size(), master.port);
  if (bad != std::errc{} || master.port == 0) co_return error{errc::unavailable, "it names a master without a port"};
  co_return master;
}

}  // namespace distsys::adapters::redis
