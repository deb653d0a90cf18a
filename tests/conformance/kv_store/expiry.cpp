// Time to live: kept until its end, gone after it, to the millisecond.
#include "fixture.hpp"

namespace distsys::tests {

KV_STORE_CASE("a key lives as long as it was given, to the millisecond") {
  EACH_KV_STORE();
  const auto before = runtime::steady_now();
  REQUIRE(t.set("a", "v", 60ms));
  const auto after = runtime::steady_now();
  // Whatever was answered must fit the moments before and after the question.
  for (;;) {
    const auto asked = runtime::steady_now();
    const bool there = t.get("a") == "v";
    const auto answered = runtime::steady_now();
    if (answered < before + 60ms) REQUIRE(there);
    if (asked >= after + 61ms) {
      REQUIRE(!there);
      break;
    }
  }
}

KV_STORE_CASE("zero and less is no expiry, and a new set replaces the old one's") {
  EACH_KV_STORE();
  REQUIRE(t.set("zero", "v", 0ms));
  REQUIRE(t.set("negative", "v", -5ms));
  REQUIRE(t.set("centuries", "v", std::chrono::hours(24 * 365 * 290)));
  REQUIRE(t.set("longer", "v", 20ms));
  REQUIRE(t.set("longer", "w", 1h));
  REQUIRE(t.set("for ever", "v", 20ms));
  REQUIRE(t.set("for ever", "w"));
  t.pass(runtime::steady_now() + 40ms);
  for (const char* k : {"zero", "negative", "centuries"}) CHECK(t.get(k) == "v");
  CHECK(t.get("longer") == "w");
  CHECK(t.get("for ever") == "w");
}

KV_STORE_CASE("what has expired is absent for every operation") {
  EACH_KV_STORE();
  for (const char* k : {"get", "many", "absent", "erase", "version"}) REQUIRE(t.set(k, "v", 20ms));
  std::string count;
  for (int i = 0;; ++i) {  // until both are within the time of the first
    REQUIRE(i < 100);
    count = "count" + std::to_string(i);
    const auto before = runtime::steady_now();
    REQUIRE(t.increment(count, 5, 20ms).value() == 5);
    const auto sum = t.increment(count, 1, 1h).value();  // keeps its expiry
    if (runtime::steady_now() >= before + 19ms) continue;
    REQUIRE(sum == 6);
    break;
  }
  t.pass(runtime::steady_now() + 25ms);
  const auto c = soon();
  CHECK(t.get("get") == "absent");
  CHECK(t.loops.run(t.store->get_many(c, {t.key("many")}))->front() == nullptr);
  CHECK(t.set_if_absent("absent", "w"));
  CHECK(!t.erase("erase").value());
  CHECK(t.set_if_newer("version", "w", 1));
  CHECK(t.increment(count).value() == 1);
}

}  // namespace distsys::tests
