// Values, conditions, counters and their limits.
#include "fixture.hpp"

#include <limits>

namespace distsys::tests {

KV_STORE_CASE("what is set is got: any byte, empty, megabytes") {
  EACH_KV_STORE();
  CHECK(t.get("a") == "absent");
  std::string every;
  for (int b = 0; b < 256; ++b) every += static_cast<char>(b);
  const std::string values[] = {"text", "", every, "東京 🚦", std::string(8u << 20, '\0')};
  for (const std::string& value : values) {
    REQUIRE(t.set("a", value));
    CHECK((t.get("a") == value));
  }
  REQUIRE(t.set(every, "a key of any byte"));
  CHECK(t.get(every) == "a key of any byte");
}

KV_STORE_CASE("get_many answers in order, null where absent") {
  EACH_KV_STORE();
  REQUIRE(t.set("1", "one"));
  REQUIRE(t.set("3", "three"));
  const auto c = soon();
  const auto got = t.loops.run(t.store->get_many(c, {t.key("3"), t.key("2"), t.key("1"), t.key("3")}));
  REQUIRE(got);
  REQUIRE(got->size() == 4);
  CHECK(*(*got)[0] == "three");
  CHECK((*got)[1] == nullptr);
  CHECK(*(*got)[2] == "one");
  CHECK(*(*got)[3] == "three");
  CHECK(t.loops.run(t.store->get_many(c, {}))->empty());
}

KV_STORE_CASE("erase says whether it was there") {
  EACH_KV_STORE();
  REQUIRE(t.set("a", "1"));
  CHECK(t.erase("a").value());
  CHECK(!t.erase("a").value());
  CHECK(t.get("a") == "absent");
}

KV_STORE_CASE("set_if_absent takes effect once") {
  EACH_KV_STORE();
  CHECK(t.set_if_absent("a", "first"));
  CHECK(t.set_if_absent("a", "second").error() == errc::already_exists);
  CHECK(t.get("a") == "first");
  CHECK(t.erase("a").value());
  CHECK(t.set_if_absent("a", "third"));
}

KV_STORE_CASE("increment starts at 0 and refuses what is no integer or would not fit") {
  EACH_KV_STORE();
  CHECK(t.increment("n").value() == 1);
  CHECK(t.increment("n", 41).value() == 42);
  CHECK(t.increment("n", -50).value() == -8);
  CHECK(t.get("n") == "-8");
  REQUIRE(t.set("n", "7"));
  CHECK(t.increment("n").value() == 8);
  REQUIRE(t.set("n", "seven"));
  CHECK(t.increment("n").error() == errc::invalid);
  CHECK(t.get("n") == "seven");
  REQUIRE(t.set("n", std::to_string(std::numeric_limits<std::int64_t>::max())));
  CHECK(t.increment("n").error() == errc::invalid);
}

KV_STORE_CASE("keys and values over their limits are too_large") {
  EACH_KV_STORE();
  const std::string longest(1024 - t.prefix.size(), 'k');
  CHECK(t.set(longest, "v"));
  CHECK(t.set(longest + "k", "v").error() == errc::too_large);
  const auto c = soon();
  CHECK(t.loops.run(t.store->get(c, std::string(1025, 'k'))).error() == errc::too_large);
  CHECK(t.set("a", std::string((64u << 20) + 1, 'v')).error() == errc::too_large);
  CHECK(t.loops.run(t.store->set(c, t.key("a"), nullptr)).error() == errc::invalid);
  CHECK(t.get("a") == "absent");
}

KV_STORE_CASE("a value of 64 MiB, with a version and without, comes back whole") {
  EACH_KV_STORE();
  const std::string value(64u << 20, 'v');
  const auto set = t.set("plain", value);
  if (!set && set.error() == errc::no_space) return matrix::not_promised();  // larger than the store
  REQUIRE(set);
  CHECK((t.get("plain") == value));
  REQUIRE(t.set_if_newer("versioned", value, 1));
  CHECK((t.get("versioned") == value));
  CHECK(t.erase("plain").value());
  CHECK(t.erase("versioned").value());
}

KV_STORE_CASE("a deadline that has passed is timeout, and changes nothing") {
  EACH_KV_STORE();
  const call_context past{.deadline = runtime::steady_now() - 1ms, .trace = {}, .session = {}};
  CHECK(t.loops.run(t.store->set(past, t.key("a"), bytes("v"))).error() == errc::timeout);
  CHECK(t.get("a") == "absent");
  CHECK(t.store->health().healthy);
}

namespace {

awaitable<result<std::int64_t>> count_to(ports::kv_store& store, std::string key, int times) {
  result<std::int64_t> last{0};
  for (int i = 0; i < times; ++i) {
    const auto c = soon();
    last = co_await store.increment(c, key, 1);
    if (!last) break;
  }
  co_return last;
}

awaitable<result<int>> take_turns(ports::kv_store& store, std::string prefix, int keys) {
  int won = 0;
  for (int i = 0; i < keys; ++i) {
    const auto c = soon();
    won += (co_await store.set_if_absent(c, prefix + std::to_string(i), bytes("mine"))) ? 1 : 0;
  }
  co_return won;
}

}  // namespace

KV_STORE_CASE("concurrent increments and conditions lose nothing") {
  EACH_KV_STORE();
  {
    started<result<std::int64_t>> one(t.loops.get().loop(0), count_to(*t.store, t.key("n"), 2000));
    started<result<std::int64_t>> two(t.loops.get().loop(1), count_to(*t.store, t.key("n"), 2000));
    REQUIRE(one.get());
    REQUIRE(two.get());
  }
  CHECK(t.get("n") == "4000");
  started<result<int>> one(t.loops.get().loop(0), take_turns(*t.store, t.key("turn"), 1000));
  started<result<int>> two(t.loops.get().loop(1), take_turns(*t.store, t.key("turn"), 1000));
  CHECK(one.get().value() + two.get().value() == 1000);
}

KV_STORE_CASE("a store that is full lets go of the least recently used") {
  EACH_BOUNDED_KV_STORE();
  const std::string value(10'000, 'v');
  REQUIRE(t.set("kept", value));
  for (int i = 0; i < 500; ++i) {
    REQUIRE(t.set(std::to_string(i), value));
    REQUIRE(t.get("kept") == value);
  }
  CHECK(t.get("0") == "absent");
  CHECK(t.get("499") == value);
  CHECK(t.set("huge", std::string(2u << 20, 'v')).error() == errc::no_space);
  CHECK(t.get("499") == value);
}

}  // namespace distsys::tests
