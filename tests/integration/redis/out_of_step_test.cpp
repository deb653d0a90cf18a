// A server, or a proxy before it, whose answers are not those to the questions: no caller gets another's answer.
#include "store_behind_peer.hpp"

#include "distsys/runtime/task_group.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/services.hpp"
#include "tests/support/started.hpp"

#include <chrono>
#include <string>

using namespace distsys;
using namespace distsys::tests;
using namespace std::chrono_literals;

namespace {

ports::shared_bytes bytes(const std::string& text) { return std::make_shared<const std::string>(text); }

awaitable<result<ports::shared_bytes>> get_of(ports::kv_store& store, std::string key) {
  const auto c = ports::call_context::within(10s);
  co_return co_await store.get(c, std::move(key));
}

std::string text_of(const result<ports::shared_bytes>& r) { return r ? **r : std::string(name(r.error().code)); }

}  // namespace

TEST_CASE("an answer of another kind is corrupt, ends the connection, and no later call gets a wrong one", "[redis]") {
  const auto address = service_url("redis");
  if (!address) return;
  store_behind_peer behind(*address);
  auto& [loops, peer, store] = behind;
  const auto c = ports::call_context::within(20s);
  REQUIRE(loops.run(store->set(c, "step:a", bytes("a"))));
  REQUIRE(loops.run(store->set(c, "step:b", bytes("b"))));
  REQUIRE(peer.connections() == 1);
  // For "$1\r\na\r\n", of the same length.
  std::size_t connections = 1;
  for (const std::string& instead : {std::string(":1234\r\n"), std::string("+okay\r\n"), std::string("*0\r\n:1\r\n")}) {
    INFO(instead);
    peer.set_now({.what = fault::kind::replace, .bytes = instead});
    peer.set({});  // the next connection is sound
    started<result<ports::shared_bytes>> a(loops.get().loop(0), get_of(*store, "step:a"));
    started<result<ports::shared_bytes>> b(loops.get().loop(0), get_of(*store, "step:b"));
    CHECK(text_of(a.get()) == "corrupt");
    const std::string second = text_of(b.get());  // in the same write, or by a new connection, or asked again
    CHECK((second == "b" || second == "unavailable"));
    std::string got;
    while (got != "a" && !c.expired()) got = text_of(loops.run(get_of(*store, "step:a")));
    CHECK(got == "a");
    CHECK(peer.connections() == ++connections);
  }
}

TEST_CASE("an answer that leaves it open whether the call took effect ends it as corrupt", "[redis]") {
  const auto address = service_url("redis");
  if (!address) return;
  store_behind_peer behind(*address);
  auto& [loops, peer, store] = behind;
  const auto c = ports::call_context::within(20s);
  REQUIRE(loops.run(store->increment(c, "step:n", 1)));
  peer.set_now({.what = fault::kind::replace, .bytes = "+"});  // for ":2\r\n"
  peer.set({});
  CHECK(loops.run(store->increment(c, "step:n", 1)).error() == errc::corrupt);
  CHECK(loops.run(store->erase(c, "step:n")).value());
  CHECK(peer.connections() == 2);
}
