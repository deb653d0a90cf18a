// A large value over a slow network: what moves is waited for, what does not is given up.
#include "store.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/fault_peer.hpp"
#include "tests/support/loops.hpp"
#include "tests/support/services.hpp"

#include <chrono>
#include <string>

using namespace distsys;
using namespace distsys::tests;
using namespace std::chrono_literals;

namespace {

ports::shared_bytes megabytes(std::size_t n) { return std::make_shared<const std::string>(n << 20, 'v'); }

/// Through the peer to the server's `service`, whose silence is suffered for 300 ms.
std::string impatient(std::string address, const fault_peer& peer) {
  const auto port = std::to_string(url::parse(address)->port().value());
  address.replace(address.find(":" + port + "/"), port.size() + 1, ":" + std::to_string(peer.port()));
  return address + (address.find('?') == std::string::npos ? "?" : "&") + "timeout=300ms";
}

}  // namespace

TEST_CASE("a value that takes longer than timeout= to send is stored, as long as its bytes move", "[redis]") {
  const std::string service = GENERATE("redis", "redis-tls");
  const auto address = service_url(service);
  if (!address) return;
  running_loops loops(1);
  fault_peer peer(url::parse(*address)->port().value());
  const auto store = open_store(loops.get(), impatient(*address, peer));
  const auto c = ports::call_context::within(25s);
  REQUIRE(loops.run(store->ping(c)));
  peer.set_now({.client_delay = 20ms, .client_piece = 64u << 10});  // 3.2 MB/s at the most
  const auto begun = runtime::steady_now();
  const auto done = loops.run(store->set(c, "slow upload", megabytes(6)));
  INFO((done ? "" : done.error().what()));
  CHECK(done);
  CHECK(runtime::steady_now() - begun > 1s);  // else nothing was tested
  CHECK(peer.connections() == 1);
  CHECK(loops.run(store->erase(c, "slow upload")).value());
  loops.run(close_store(*store));
}

TEST_CASE("a server that takes no more of a value is given up after timeout=", "[redis]") {
  const auto address = service_url("redis");
  if (!address) return;
  running_loops loops(1);
  fault_peer peer(url::parse(*address)->port().value());
  const auto store = open_store(loops.get(), impatient(*address, peer));
  const auto c = ports::call_context::within(25s);
  REQUIRE(loops.run(store->ping(c)));
  peer.set_now({.client_delay = 1h});  // takes one more piece at the most
  const auto done = loops.run(store->set_if_absent(c, "stuck upload", megabytes(16)));
  REQUIRE(!done);
  CHECK(done.error() == errc::indeterminate);
  CHECK(done.error().detail.find("does not answer") != std::string::npos);
  loops.run(close_store(*store));
}
