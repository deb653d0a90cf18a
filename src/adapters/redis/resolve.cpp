#include "resolve.hpp"

#include "time_limit.hpp"

#include <boost/asio/ip/basic_resolver.hpp>
#include <boost/asio/this_coro.hpp>

#include <memory>

namespace distsys::adapters::redis {
namespace {

using asio::ip::tcp;
using resolver = asio::ip::basic_resolver<tcp, executor>;

struct question {
  explicit question(executor loop, runtime::deadline limit) : names(loop), wake(loop, limit) {}
  resolver names;
  timer wake;
  bool answered = false;
  boost::system::error_code ec;
  std::vector<tcp::endpoint> found;
};

}  // namespace

// Asio asks getaddrinfo() on a thread of its own, and a cancelled question ends only when that does. So the question
// is left behind at the limit: it lives until its answer comes.
awaitable<result<std::vector<tcp::endpoint>>> resolve(std::string host, std::uint16_t port, runtime::deadline limit) {
  boost::system::error_code bad;
  const auto literal = asio::ip::make_address(host, bad);
  if (!bad) co_return std::vector<tcp::endpoint>{tcp::endpoint(literal, port)};
  const auto q = std::make_shared<question>(co_await asio::this_coro::executor, limit);
  // No address_configured: it would hide localhost on a machine whose only interface is the loopback.
  q->names.async_resolve(host, std::to_string(port), asio::ip::resolver_base::numeric_service,
                         [q](boost::system::error_code ec, const resolver::results_type& entries) {
                           q->answered = true;
                           q->ec = ec;
                           for (const auto& entry : entries) q->found.push_back(entry.endpoint());
                           q->wake.cancel();
                         });
  co_await q->wake.async_wait(use_tuple);
  if ((co_await asio::this_coro::cancellation_state).cancelled() != asio::cancellation_type::none)
    co_return error{errc::cancelled};
  if (!q->answered) co_return error{errc::unavailable, "its name was not resolved within the connect timeout"};
  if (q->ec) co_return error{errc::unavailable, q->ec.message()};
  co_return std::move(q->found);
}

}  // namespace distsys::adapters::redis
