#include "connector.hpp"

#include "distsys/foundation/text.hpp"

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/basic_resolver.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/this_coro.hpp>

#include <unistd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace distsys::adapters::postgres {

namespace {

using descriptor = asio::posix::basic_stream_descriptor<executor>;
using resolver = asio::ip::basic_resolver<asio::ip::tcp, executor>;
using timer =
    asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, executor>;

// Statements are short and run often: a plan is made once, whatever the parameters, and neither compiled nor given to
// several processes of the server, which takes longer than to run it. It may be made while a table is empty, when a
// sequential scan looks as cheap as an index, and would stay until the server's next ANALYZE: so where there is an
// index it is used. And what a role or a database may have set otherwise, and this driver relies on.
constexpr std::string_view defaults_of_sessions =
    "-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c jit=off -c max_parallel_workers_per_gather=0 "
    "-c bytea_output=hex -c extra_float_digits=1 -c default_transaction_isolation=read\\ committed";

struct address {
  const endpoint* of;
  std::string numeric;  // empty: of a Unix socket
};

/// libpq's lists, one element an address: it resolves nothing itself (that would block), and still checks names.
struct address_lists {
  std::string hosts, addresses, ports;

  explicit address_lists(const std::vector<address>& all) {
    for (const address& a : all) {
      const char* const comma = ports.empty() ? "" : ",";
      hosts += comma + a.of->host;
      addresses += comma + a.numeric;
      ports += comma + a.of->port;
    }
  }
};

struct question {
  question(const executor& where, runtime::deadline limit) : names(where), wake(where, limit) {}
  resolver names;
  timer wake;
  bool answered = false;
  boost::system::error_code ec;
  std::vector<std::string> found;
};

// Asio asks getaddrinfo() on a thread of its own, and a cancelled question ends only when that does. So the question
// is left behind at the limit: it lives until its answer comes.
awaitable<result<std::vector<std::string>>> resolve(const endpoint& e, runtime::deadline limit) {
  boost::system::error_code no_address;
  if (e.host.starts_with('/')) co_return std::vector<std::string>{""};
  if (const auto numeric = asio::ip::make_address(e.host, no_address); !no_address)
    co_return std::vector<std::string>{numeric.to_string()};
  const auto q = std::make_shared<question>(co_await asio::this_coro::executor, limit);
  q->names.async_resolve(e.host, e.port, [q](boost::system::error_code ec, const resolver::results_type& entries) {
    q->answered = true;
    q->ec = ec;
    for (const auto& entry : entries) q->found.push_back(entry.endpoint().address().to_string());
    q->wake.cancel();
  });
  co_await q->wake.async_wait(use_tuple);
  if ((co_await asio::this_coro::cancellation_state).cancelled() != asio::cancellation_type::none)
    co_return error{errc::cancelled};
  if (!q->answered) co_return error{errc::unavailable, "the name " + e.host + " was not resolved in time"};
  if (q->ec) co_return error{errc::unavailable, "the name " + e.host + " is not found: " + q->ec.message()};
  co_return std::move(q->found);
}

/// Of every host that has one.
awaitable<result<std::vector<address>>> resolve_all(const options& settings, runtime::deadline limit) {
  std::vector<address> all;
  error problem;
  for (const endpoint& e : settings.hosts) {
    auto found = co_await resolve(e, limit);
    if (!found) problem = found.error();
    if (!found && problem == errc::cancelled) co_return problem;
    if (found)
      for (std::string& numeric : *found) all.push_back({&e, std::move(numeric)});
  }
  if (all.empty()) co_return problem;
  co_return all;
}

pg_connection begin(const options& settings, const address_lists& lists) {
  std::vector<std::pair<std::string, std::string>> words{
      {"host", lists.hosts},         {"hostaddr", lists.addresses}, {"port", lists.ports},
      {"dbname", settings.database}, {"client_encoding", "UTF8"},   {"fallback_application_name", "distsys"},
      {"gssencmode", "disable"},     {"keepalives_idle", "10"},     {"keepalives_interval", "5"},
      {"keepalives_count", "3"},     {"tcp_user_timeout", "15000"}};
  std::string server_options(defaults_of_sessions);
  for (const auto& [key, value] : settings.passed) {
    if (key == "options")
      server_options += " " + value;  // what comes later counts
    else
      words.emplace_back(key, value);
  }
  words.emplace_back("options", server_options);
  if (!settings.user.empty()) words.emplace_back("user", settings.user);
  if (!settings.password.empty()) words.emplace_back("password", settings.password);
  std::vector<const char*> keys, values;
  for (const auto& [key, value] : words) {
    keys.push_back(key.c_str());
    values.push_back(value.c_str());
  }
  keys.push_back(nullptr);
  values.push_back(nullptr);
  return pg_connection(PQconnectStartParams(keys.data(), values.data(), 0));
}

awaitable<result<void>> poll(PGconn* c, runtime::deadline limit) {
  const auto where = co_await asio::this_coro::executor;
  const auto socket = std::make_shared<descriptor>(where);
  timer late(where, limit);
  late.async_wait([socket](const boost::system::error_code& ec) {
    if (!ec && socket->is_open()) socket->cancel();
  });
  for (auto next = PGRES_POLLING_WRITING; next != PGRES_POLLING_OK;) {
    // A descriptor of our own, for a while: PQconnectPoll may close its one, and open another of the same number.
    const int fd = ::dup(PQsocket(c));
    if (fd < 0) co_return error{errc::unavailable, "no descriptor for a connection"};
    socket->assign(fd);
    const auto what = next == PGRES_POLLING_READING ? descriptor::wait_read : descriptor::wait_write;
    const auto [ec] = co_await socket->async_wait(what, use_tuple);
    socket->close();
    if (runtime::steady_now() >= limit) co_return error{errc::timeout, "no connection in time"};
    if (ec) co_return error{errc::cancelled};
    next = PQconnectPoll(c);
    if (next == PGRES_POLLING_FAILED) co_return error{errc::unavailable, text_of(c)};
  }
  co_return result<void>{};
}

}  // namespace

awaitable<result<pg_connection>> connect(const options& settings, std::size_t first, runtime::deadline limit) {
  co_await asio::this_coro::throw_if_cancelled(false);
  auto addresses = co_await resolve_all(settings, limit);
  if (!addresses) co_return addresses.error();
  std::ranges::rotate(*addresses, addresses->begin() + static_cast<std::ptrdiff_t>(first % addresses->size()));
  pg_connection c = begin(settings, address_lists(*addresses));
  if (!c) co_return error{errc::no_space, "no memory for a connection"};
  if (PQstatus(c.get()) == CONNECTION_BAD) co_return error{errc::unavailable, text_of(c.get())};
  if (auto done = co_await poll(c.get(), limit); !done) co_return done.error();
  co_return c;
}

}  // namespace distsys::adapters::postgres
