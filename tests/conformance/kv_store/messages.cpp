// Publish and subscribe.
#include "fixture.hpp"

namespace distsys::tests {

namespace {

awaitable<result<std::string>> next_of(ports::message_listener& listener, call_context c) {
  co_return co_await listener.next(c);
}

}  // namespace

KV_STORE_CASE("a message reaches every listener of its channel, in order") {
  EACH_KV_STORE();
  auto one = t.store->subscribe(t.key("news"));
  auto two = t.store->subscribe(t.key("news"));
  auto other = t.store->subscribe(t.key("else"));
  const auto c = soon();
  const std::string with_nul("b\0c", 3);
  for (const std::string& m : {std::string("a"), with_nul, std::string()})
    REQUIRE(t.loops.run(t.store->publish(c, t.key("news"), m)));
  for (auto* listener : {one.get(), two.get()}) {
    CHECK(t.loops.run(listener->next(c)).value() == "a");
    CHECK(t.loops.run(listener->next(c)).value() == with_nul);
    CHECK(t.loops.run(listener->next(c)).value().empty());
  }
  const auto brief = call_context::within(20ms);
  CHECK(t.loops.run(other->next(brief)).error() == errc::timeout);
  CHECK(t.loops.run(t.store->publish(c, t.key("nobody listens"), "x")));
}

KV_STORE_CASE("a waiting listener is woken, or cancelled") {
  EACH_KV_STORE();
  auto listener = t.store->subscribe(t.key("news"));
  const auto c = soon();
  {
    started<result<std::string>> waiting(t.loops.get().loop(1), next_of(*listener, soon()));
    REQUIRE(t.loops.run(t.store->publish(c, t.key("news"), "x")));
    CHECK(waiting.get().value() == "x");
  }
  started<result<std::string>> waiting(t.loops.get().loop(1), next_of(*listener, soon()));
  waiting.cancel();
  CHECK(waiting.get().error() == errc::cancelled);
}

KV_STORE_CASE("a listener that is too slow is told that it missed messages") {
  EACH_KV_STORE();
  auto listener = t.store->subscribe(t.key("news"));
  const auto c = soon();
  constexpr int count = 5000;  // more than any driver keeps for a listener
  for (int i = 0; i < count; ++i) REQUIRE(t.loops.run(t.store->publish(c, t.key("news"), std::to_string(i))));
  int last = -1, told = 0;
  while (last < count - 1) {
    const auto message = t.loops.run(listener->next(c));
    if (!message) {
      REQUIRE(message.error() == errc::unavailable);
      ++told;
      continue;
    }
    REQUIRE(std::stoi(*message) > last);
    last = std::stoi(*message);
  }
  CHECK(told > 0);
}

}  // namespace distsys::tests
