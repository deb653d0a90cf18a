#include "distsys/net/http_connection.hpp"

#include "distsys/runtime/task_group.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/net_client/scripted_server.hpp"

#include <boost/asio/co_spawn.hpp>

#include <functional>
#include <optional>
#include <string>

namespace distsys::net {
namespace {

using namespace std::chrono_literals;
using tests::script_connection;
using tests::scripted_server;

constexpr std::string_view get = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";

runtime::deadline soon(std::chrono::milliseconds d = 5s) { return runtime::steady_now() + d; }

/// Runs a coroutine to its end on a loop of its own.
template <class T>
T complete(asio::io_context& loop, awaitable<T> work) {
  std::optional<T> value;
  std::exception_ptr failed;
  asio::co_spawn(loop, std::move(work), [&](std::exception_ptr e, T v) {
    failed = e;
    value.emplace(std::move(v));
  });
  // Not until the loop is empty: the deadline's timer stays set.
  loop.restart();
  while (!value) loop.run_one();
  if (failed) std::rethrow_exception(failed);
  return std::move(*value);
}

struct client {
  asio::io_context loop{1};
  http_connection wire{loop.get_executor()};

  result<void> connect(const scripted_server& s, connect_options options = {}) {
    return complete(loop, wire.connect({asio::ip::address_v4::loopback(), s.port()}, std::move(options), soon()));
  }
  result<http_answer> exchange(std::string_view request = get, bool head = false, bool keep = true,
                               std::chrono::milliseconds limit = 5s) {
    return complete(loop, wire.exchange(request, head, keep, soon(limit)));
  }
};

TEST_CASE("one connection carries many answers") {
  scripted_server server([](script_connection& c) {
    for (int i = 0; !c.read_head().empty(); ++i) {
      const std::string body = "answer " + std::to_string(i);
      c.send("HTTP/1.1 200 OK\r\nX-Number:  " + std::to_string(i) +
             "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
    }
  });
  client c;
  REQUIRE(c.connect(server));
  for (int i = 0; i < 100; ++i) {
    const auto a = c.exchange();
    REQUIRE(a);
    REQUIRE(a->status == 200);
    REQUIRE(a->body == "answer " + std::to_string(i));
    REQUIRE(a->header("x-number") == std::to_string(i));
    REQUIRE(a->header("x-numbe").empty());
  }
  CHECK(c.wire.is_open());
  CHECK(server.connections() == 1);
}

TEST_CASE("pipelined answers are read one by one") {
  scripted_server server([](script_connection& c) {
    c.read_head();
    c.read_head();
    c.send(
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nA"
        "HTTP/1.1 404 No\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nB\r\n0\r\n\r\n");
    c.wait_for_close();
  });
  client c;
  REQUIRE(c.connect(server));
  REQUIRE(complete(c.loop, c.wire.write(std::string(get) + std::string(get), soon())));
  const auto first = complete(c.loop, c.wire.read(false, true, soon()));
  REQUIRE(first);
  CHECK(first->body == "A");
  const auto second = complete(c.loop, c.wire.read(false, true, soon()));
  REQUIRE(second);
  CHECK(second->status == 404);
  CHECK(second->body == "B");
  c.wire.close();
}

TEST_CASE("large bodies pass, kept or not, and the head stays") {
  const std::string body(3'000'000, 'z');
  scripted_server server([&](script_connection& c) {
    while (!c.read_head().empty())
      c.send("HTTP/1.1 200 OK\r\nX-A: b\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body);
  });
  client c;
  REQUIRE(c.connect(server));
  for (const bool keep : {true, false, true}) {
    const auto a = c.exchange(get, false, keep);
    REQUIRE(a);
    CHECK(a->body_bytes == body.size());
    CHECK(a->body == (keep ? body : ""));
    CHECK(a->header("X-A") == "b");
  }
}

TEST_CASE("a large request and its answer") {
  scripted_server server([](script_connection& c) {
    c.read_head();
    c.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    c.wait_for_close();
  });
  client c;
  REQUIRE(c.connect(server));
  const std::string body(8'000'000, 'q');
  const auto a = c.exchange("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 8000000\r\n\r\n" + body);
  REQUIRE(a);
  CHECK(a->status == 200);
}

TEST_CASE("an answer that ends with the connection closes it") {
  scripted_server server([](script_connection& c) {
    c.read_head();
    c.send("HTTP/1.1 200 OK\r\n\r\nuntil the end");
  });
  client c;
  REQUIRE(c.connect(server));
  const auto a = c.exchange();
  REQUIRE(a);
  CHECK(a->body == "until the end");
  CHECK_FALSE(a->keep_alive);
  CHECK_FALSE(c.wire.is_open());
}

TEST_CASE("every failure has its code and its stage") {
  SECTION("closed without an answer") {
    scripted_server server([](script_connection& c) { c.read_head(); });
    client c;
    REQUIRE(c.connect(server));
    const auto a = c.exchange();
    REQUIRE(a.has_error());
    CHECK(a.error() == errc::unavailable);
    CHECK(c.wire.failed_stage() == http_stage::closed_early);
    CHECK_FALSE(c.wire.is_open());
  }
  SECTION("closed within a body") {
    scripted_server server([](script_connection& c) {
      c.read_head();
      c.send("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
    });
    client c;
    REQUIRE(c.connect(server));
    const auto a = c.exchange();
    REQUIRE(a.has_error());
    CHECK(c.wire.failed_stage() == http_stage::closed_early);
  }
  SECTION("reset") {
    scripted_server server([](script_connection& c) {
      c.read_head();
      c.reset();
    });
    client c;
    REQUIRE(c.connect(server));
    const auto a = c.exchange();
    REQUIRE(a.has_error());
    CHECK(a.error() == errc::unavailable);
    CHECK(c.wire.failed_stage() == http_stage::reading);
  }
  SECTION("no answer in time") {
    scripted_server server([](script_connection& c) {
      c.read_head();
      c.send("HTTP/1.1 200");
      c.wait_for_close();
    });
    client c;
    REQUIRE(c.connect(server));
    const auto a = c.exchange(get, false, true, 50ms);
    REQUIRE(a.has_error());
    CHECK(a.error() == errc::timeout);
    CHECK_FALSE(c.wire.is_open());
  }
  SECTION("not HTTP") {
    scripted_server server([](script_connection& c) {
      c.send("220 smtp.example ESMTP\r\n");
      c.wait_for_close();
    });
    client c;
    REQUIRE(c.connect(server));
    const auto a = c.exchange();
    REQUIRE(a.has_error());
    CHECK(a.error() == errc::corrupt);
  }
  SECTION("nobody listens") {
    client c;
    std::uint16_t port = 0;
    {
      port = scripted_server([](script_connection&) {}).port();
    }
    const auto r = complete(c.loop, c.wire.connect({asio::ip::address_v4::loopback(), port}, {}, soon()));
    REQUIRE(r.has_error());
    CHECK(r.error() == errc::unavailable);
    CHECK(r.error().detail.find("127.0.0.1:" + std::to_string(port)) != std::string::npos);
    CHECK(c.wire.failed_stage() == http_stage::connecting);
  }
  SECTION("TLS with somebody who does not speak it") {
    scripted_server server([](script_connection& c) {
      c.send("HTTP/1.1 400 Bad Request\r\n\r\n");
      c.wait_for_close();
    });
    client c;
    const auto r = c.connect(server, {.tls = true, .verify_certificate = false, .server_name = "localhost"});
    REQUIRE(r.has_error());
    CHECK(r.error() == errc::unavailable);
    CHECK(c.wire.failed_stage() == http_stage::connecting);
  }
  SECTION("never connected") {
    client c;
    CHECK(c.exchange().error() == errc::unavailable);
    CHECK(complete(c.loop, c.wire.write(get, soon())).error() == errc::unavailable);
    CHECK(complete(c.loop, c.wire.read(false, false, soon())).error() == errc::unavailable);
  }
}

TEST_CASE("an answer that came before the peer stopped reading is not lost") {
  scripted_server server([](script_connection& c) {
    c.send("HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    c.read_head();
  });
  client c;
  REQUIRE(c.connect(server));
  const auto a = c.exchange("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc");
  REQUIRE(a);
  CHECK(a->status == 413);
  CHECK_FALSE(a->keep_alive);
}

TEST_CASE("a closed connection connects again") {
  scripted_server server([](script_connection& c) {
    c.read_head();
    c.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
  });
  client c;
  for (int i = 0; i < 5; ++i) {
    REQUIRE(c.connect(server));
    const auto a = c.exchange();
    REQUIRE(a);
    CHECK_FALSE(a->keep_alive);
  }
  CHECK(server.connections() == 5);
}

TEST_CASE("a deadline that moved on does not end a later answer") {
  scripted_server server([](script_connection& c) {
    while (!c.read_head().empty()) {
      std::this_thread::sleep_for(30ms);  // so that the first deadline passes during a later exchange
      c.send("HTTP/1.1 204 N\r\n\r\n");
    }
  });
  client c;
  REQUIRE(c.connect(server));
  for (int i = 0; i < 10; ++i) REQUIRE(c.exchange(get, false, false, 100ms + 1s * (i % 2)));
}

awaitable<void> read_until_cancelled(http_connection& wire, errc& seen) {
  co_await asio::this_coro::throw_if_cancelled(false);
  const auto a = co_await wire.read(false, false, runtime::deadline::max());
  seen = a.has_error() ? a.error().code : errc{};
}

TEST_CASE("cancellation is errc::cancelled") {
  scripted_server server([](script_connection& c) { c.wait_for_close(); });
  client c;
  REQUIRE(c.connect(server));
  runtime::task_group group;
  errc seen{};
  group.spawn(c.loop.get_executor(), read_until_cancelled(c.wire, seen));
  asio::post(c.loop, [&] { group.cancel(); });
  c.loop.restart();
  while (group.size() != 0) c.loop.run_one();
  CHECK(seen == errc::cancelled);
}

TEST_CASE("names and literals resolve") {
  asio::io_context loop{1};
  const auto four = complete(loop, resolve("127.0.0.1", 80));
  REQUIRE(four);
  CHECK(four->front().port() == 80);
  const auto six = complete(loop, resolve("::1", 81));
  REQUIRE(six);
  CHECK(six->front().address().is_v6());
  const auto name = complete(loop, resolve("localhost", 82));
  REQUIRE(name);
  CHECK_FALSE(name->empty());
  CHECK(complete(loop, resolve("no-such-host.invalid", 80)).has_error());
}

}  // namespace
}  // namespace distsys::net
