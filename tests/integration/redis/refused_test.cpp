// A server that lets its user hear no channel: publishers do not wait for it, and it is not stormed.
#include "store.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/fault_peer.hpp"
#include "tests/support/loops.hpp"
#include "tests/support/services.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

#include <chrono>
#include <string>

using namespace distsys;
using namespace distsys::tests;
using namespace std::chrono_literals;

namespace {

/// Commands as a person would type them; the last answer's first line.
std::string tell(const url& server, const std::vector<std::string>& lines) {
  asio::io_context io;
  asio::ip::tcp::socket socket(io);
  socket.connect({asio::ip::address_v4::loopback(), server.port().value()});
  std::string answer;
  for (const std::string& line : lines) {
    asio::write(socket, asio::buffer(line + "\r\n"));
    answer.clear();
    answer.resize(asio::read_until(socket, asio::dynamic_buffer(answer), '\n') - 1);
  }
  return answer;
}

}  // namespace

TEST_CASE("a user who may hear no channel: publishers do not wait, and the server is not stormed", "[redis]") {
  const auto address = service_url("redis");
  if (!address) return;
  const auto server = url::parse(*address).value();
  const std::vector<std::string> setup{"ACL SETUSER deaf reset on >pw ~* +@all resetchannels"};
  REQUIRE(tell(server, setup) == "+OK\r");
  fault_peer peer(server.port().value());
  running_loops loops(1);
  {
    const auto store = open_store(loops.get(), "redis://deaf:pw@127.0.0.1:" + std::to_string(peer.port()) + "/0");
    const auto listener = store->subscribe("news");
    for (int i = 0; i < 3; ++i) {
      const auto c = ports::call_context::within(10s);
      CHECK(loops.run(store->publish(c, "news", "x")).error() == errc::permission_denied);
    }
    loops.run(runtime::sleep_for(500ms));  // in which a storm would make hundreds of connections
    CHECK(peer.connections() < 20);
    loops.run(close_store(*store));
  }
  CHECK(tell(server, {"ACL DELUSER deaf"}) == ":1\r");
}

TEST_CASE("a value that another program made too large is refused, and spoils no other call", "[redis]") {
  const auto address = service_url("redis");
  if (!address) return;
  const auto server = url::parse(*address).value();
  // A string of 64 MiB and a byte, and one whose head says a version that is none.
  REQUIRE(tell(server, {"SETRANGE huge 67108864 x"}) == ":67108865\r");
  REQUIRE(tell(server, {"SETRANGE huge 67109900 x"}) == ":67109901\r");
  REQUIRE(tell(server, {"SET damaged \"\\xc1q\"", "SET sound v"}) == "+OK\r");
  running_loops loops(1);
  fault_peer peer(server.port().value());
  {
    const auto store = open_store(loops.get(), "redis://127.0.0.1:" + std::to_string(peer.port()) + "/0");
    const auto c = ports::call_context::within(30s);
    CHECK(loops.run(store->get(c, "huge")).error() == errc::too_large);
    CHECK(loops.run(store->get(c, "damaged")).error() == errc::corrupt);
    CHECK(*loops.run(store->get(c, "sound")).value() == "v");
    const auto many = loops.run(store->get_many(c, {"huge", "sound", "damaged", "absent"})).value();
    REQUIRE(many.size() == 4);
    CHECK(!many[0]);
    CHECK(*many[1] == "v");
    CHECK(!many[2]);
    CHECK(!many[3]);
    CHECK(peer.connections() == 1);
    loops.run(close_store(*store));
  }
  CHECK(tell(server, {"DEL huge damaged sound"}) == ":3\r");
}

TEST_CASE("after an attempt to connect that failed no call waits for the next", "[redis]") {
  running_loops loops(1);
  fault_peer dead(0, {.bytes = ":1\r\n:1\r\n"});
  {
    const auto store =
        open_store(loops.get(), "redis://127.0.0.1:" + std::to_string(dead.port()) + "/?connect_timeout=60s");
    const auto c = ports::call_context::within(10s);
    CHECK(loops.run(store->ping(c)).error() == errc::unavailable);
    const auto before = dead.connections();
    dead.set({});  // silent from now on
    while (dead.connections() == before && !c.expired()) loops.run(runtime::sleep_for(1ms));
    const auto during = ports::call_context::within(5s);  // the attempt goes on for longer
    CHECK(loops.run(store->ping(during)).error() == errc::unavailable);
    loops.run(close_store(*store));
  }
}

TEST_CASE("what answers a login otherwise than Redis is not believed", "[redis]") {
  running_loops loops(1);
  for (const char* answers : {"+OK\r\n+OK\r\n", "+PONG\r\n:1\r\n", "+PONG\r\n+OK\r\n+OK\r\n"}) {
    INFO(answers);
    fault_peer other(0, {.bytes = answers});
    const auto store = open_store(loops.get(), "redis://127.0.0.1:" + std::to_string(other.port()) + "/");
    const auto c = ports::call_context::within(10s);
    const auto answer = loops.run(store->ping(c));
    REQUIRE(!answer);
    CHECK(answer.error() == errc::unavailable);
    CHECK((answer.error().detail.find("no Redis") != std::string::npos ||
           answer.error().detail.find("more than answers") != std::string::npos));
    loops.run(close_store(*store));
  }
}
