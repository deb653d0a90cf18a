#include "distsys/net/http_connection.hpp"

#include "distsys/foundation/text.hpp"
#include "http_connection_state.hpp"

#include <boost/asio/ip/basic_resolver.hpp>

#include <cstring>

namespace distsys::net {

std::string_view http_answer::header(std::string_view name) const noexcept {
  std::size_t at = head.find('\n');
  while (at != std::string_view::npos && ++at < head.size()) {
    const std::size_t end = head.find('\n', at);
    const std::string_view line = head.substr(at, end - at);
    if (line.size() > name.size() && line[name.size()] == ':' && equal_ignoring_case(line.substr(0, name.size()), name))
      return trim(line.substr(name.size() + 1));
    at = end;
  }
  return {};
}

http_connection::http_connection(executor where) : state_(std::make_shared<state>(where)) {}
http_connection::~http_connection() {
  if (state_) state_->close();
}
http_connection::http_connection(http_connection&&) noexcept = default;
http_connection& http_connection::operator=(http_connection&& other) noexcept {
  if (this != &other) {
    if (state_) state_->close();
    state_ = std::move(other.state_);
  }
  return *this;
}

awaitable<result<void>> http_connection::connect(asio::ip::tcp::endpoint peer, connect_options options,
                                                 runtime::deadline limit) {
  return state_->connect(peer, std::move(options), limit);
}

awaitable<result<void>> http_connection::write(std::string_view request, runtime::deadline limit) {
  return state_->write(request, limit);
}

awaitable<result<http_answer>> http_connection::read(bool answer_to_head, bool keep_body, runtime::deadline limit) {
  return state_->read(answer_to_head, keep_body, limit);
}

// Not a coroutine: where the kernel takes the whole request, which is nearly always, only read()'s frame is needed.
awaitable<result<http_answer>> http_connection::exchange(std::string_view request, bool answer_to_head, bool keep_body,
                                                         runtime::deadline limit) {
  const std::size_t sent = state_->send_now(request);
  if (sent == request.size()) return state_->read(answer_to_head, keep_body, limit);
  return state_->exchange_slowly(request.substr(sent), answer_to_head, keep_body, limit);
}

bool http_connection::is_open() const noexcept { return state_ && state_->plain.is_open(); }
http_stage http_connection::failed_stage() const noexcept { return state_->stage; }
void http_connection::close() noexcept {
  if (state_) state_->close();
}

awaitable<result<std::vector<asio::ip::tcp::endpoint>>> resolve(std::string host, std::uint16_t port) {
  std::vector<asio::ip::tcp::endpoint> found;
  boost::system::error_code bad;
  const auto literal = asio::ip::make_address(host, bad);
  if (!bad) {
    found.emplace_back(literal, port);
    co_return found;
  }
  // No address_configured: it would hide localhost on a machine whose only interface is the loopback.
  asio::ip::basic_resolver<asio::ip::tcp, executor> names(co_await asio::this_coro::executor);
  auto [ec, entries] =
      co_await names.async_resolve(host, std::to_string(port), asio::ip::resolver_base::numeric_service, use_tuple);
  if (ec == asio::error::operation_aborted) co_return error{errc::cancelled, "resolving " + host};
  if (ec == asio::error::host_not_found || ec == asio::error::no_data)
    co_return error{errc::not_found, "no address for the name " + host};
  if (ec) co_return error{errc::unavailable, "cannot resolve " + host + ": " + ec.message()};
  for (const auto& entry : entries) found.push_back(entry.endpoint());
  co_return found;
}

}  // namespace distsys::net
