// A large value over a slow network: what moves is waited for, what does not is given up.
#include "store_behind_peer.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/services.hpp"

#include <chrono>
#include <string>

using namespace distsys;
using namespace distsys::tests;
using namespace std::chrono_literals;

namespace {

ports::shared_bytes megabytes(std::size_t n) { return std::make_shared<const std::string>(n << 20, 'v'); }

/// How long a silent server is suffered.
constexpr auto impatient = "timeout=300ms";

}  // namespace

TEST_CASE("a value that takes longer than timeout= to send is stored, as long as its bytes move", "[redis]") {
  const std::string service = GENERATE("redis", "redis-tls");
  const auto address = service_url(service);
  if (!address) return;
  store_behind_peer behind(*address, impatient);
  auto& [loops, peer, store] = behind;
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
}

TEST_CASE("a server that takes no more of a value is given up after timeout=", "[redis]") {
  const auto address = service_url("redis");
  if (!address) return;
  store_behind_peer behind(*address, impatient);
  auto& [loops, peer, store] = behind;
  const auto c = ports::call_context::within(25s);
  REQUIRE(loops.run(store->ping(c)));
  peer.set_now({.client_delay = 1h});  // takes one more piece at the most
  const auto done = loops.run(store->set_if_absent(c, "stuck upload", megabytes(16)));
  REQUIRE(!done);
  CHECK(done.error() == errc::indeterminate);
  CHECK(done.error().detail.find("does not answer") != std::string::npos);
}
