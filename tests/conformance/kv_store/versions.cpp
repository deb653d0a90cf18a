// Filling a cache that is being invalidated: older versions lose.
#include "fixture.hpp"

#include <atomic>

namespace distsys::tests {

KV_STORE_CASE("of versions the newest stays") {
  EACH_KV_STORE();
  CHECK(t.set_if_newer("a", "five", 5));
  CHECK(t.set_if_newer("a", "four", 4).error() == errc::conflict);
  CHECK(t.set_if_newer("a", "five again", 5).error() == errc::conflict);
  CHECK(t.get("a") == "five");
  CHECK(t.set_if_newer("a", "six", 6));
  CHECK(t.get("a") == "six");
  CHECK(t.set_if_newer("a", "most", UINT64_MAX));
  CHECK(t.set_if_newer("a", "more", UINT64_MAX).error() == errc::conflict);
  CHECK(t.erase("a").value());
  CHECK(t.set_if_newer("a", "one", 1));
}

KV_STORE_CASE("a fill that raced with an invalidation loses") {
  EACH_KV_STORE();
  REQUIRE(t.set_if_newer("a", "old", 5));
  REQUIRE(t.invalidate("a", 7));
  CHECK(t.get("a") == "absent");
  CHECK(!t.erase("absent before").value());
  CHECK(t.set_if_newer("a", "stale", 6).error() == errc::conflict);
  CHECK(t.set_if_newer("a", "stale", 7).error() == errc::conflict);
  CHECK(t.get("a") == "absent");
  CHECK(t.set_if_newer("a", "fresh", 8));
  CHECK(t.get("a") == "fresh");
  REQUIRE(t.invalidate("a", 7));  // late: what is stored is newer
  CHECK(t.get("a") == "fresh");
  REQUIRE(t.invalidate("b", 3));  // of what was never there
  CHECK(t.set_if_newer("b", "stale", 2).error() == errc::conflict);
  REQUIRE(t.invalidate("b", 9));
  REQUIRE(t.invalidate("b", 4));  // does not go back
  CHECK(t.set_if_newer("b", "stale", 8).error() == errc::conflict);
}

KV_STORE_CASE("a tombstone ends with its time") {
  EACH_KV_STORE();
  std::string key;
  for (int i = 0;; ++i) {  // until both are within the time of the first
    REQUIRE(i < 100);
    key = "a" + std::to_string(i);
    const auto before = runtime::steady_now();
    REQUIRE(t.invalidate(key, 7, 40ms));
    const auto early = t.set_if_newer(key, "v", 7);
    if (runtime::steady_now() >= before + 39ms) continue;
    REQUIRE(!early);
    CHECK(early.error() == errc::conflict);
    break;
  }
  t.pass(runtime::steady_now() + 45ms);
  CHECK(t.set_if_newer(key, "v", 1));
  CHECK(t.get(key) == "v");
}

namespace {

/// Reads a version, then fills with it: what every instance of a cache does.
awaitable<result<int>> fill(ports::kv_store& store, std::string key, std::atomic<std::uint64_t>& truth, int times) {
  for (int i = 0; i < times; ++i) {
    const std::uint64_t read = truth.load();
    const auto c = soon();
    (void)co_await store.set_if_newer(c, key, bytes(std::to_string(read)), read);
  }
  co_return times;
}

/// Changes the truth, then invalidates; then no older value may be seen.
awaitable<result<int>> change(ports::kv_store& store, std::string key, std::atomic<std::uint64_t>& truth, int times) {
  int stale = 0;
  for (int i = 0; i < times; ++i) {
    const std::uint64_t now = truth.fetch_add(1) + 1;
    const auto c = soon();
    if (auto done = co_await store.invalidate(c, key, now - 1, 1h); !done) co_return done.error();
    const auto seen = co_await store.get(c, key);
    if (seen && std::stoull(**seen) < now) ++stale;
  }
  co_return stale;
}

}  // namespace

KV_STORE_CASE("after an invalidation nobody sees what it invalidated") {
  EACH_KV_STORE();
  std::atomic<std::uint64_t> truth{1};
  started<result<int>> filling(t.loops.get().loop(0), fill(*t.store, t.key("a"), truth, 20'000));
  started<result<int>> changing(t.loops.get().loop(1), change(*t.store, t.key("a"), truth, 5000));
  CHECK(changing.get().value() == 0);
  CHECK(filling.get());
}

KV_STORE_CASE("a tombstone that has to make room still wins") {
  EACH_BOUNDED_KV_STORE();
  REQUIRE(t.invalidate("a", 7));
  for (int i = 0; i < 500; ++i) REQUIRE(t.set("room" + std::to_string(i), std::string(10'000, 'v')));
  CHECK(t.set_if_newer("a", "stale", 7).error() == errc::conflict);
  CHECK(t.set_if_newer("a", "fresh", 8));
}

}  // namespace distsys::tests
