// Many callers of large and small values on one connection: every call gets its own answer, none is left waiting.
#include "store.hpp"

#include "distsys/runtime/task_group.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/loops.hpp"
#include "tests/support/services.hpp"
#include "tests/support/started.hpp"

#include <chrono>
#include <string>
#include <vector>

using namespace distsys;
using namespace distsys::tests;
using namespace std::chrono_literals;

namespace {

std::size_t size_of(int n) { return n % 3 == 0 ? 10 : static_cast<std::size_t>(n) * 5000; }
std::string value_of(int n) { return std::string(size_of(n), static_cast<char>('a' + n % 26)); }
std::string key_of(int n) { return "large:" + std::to_string(n); }

/// What was wrong, or nothing.
awaitable<result<std::string>> read_round(ports::kv_store& store, int first, int keys) {
  for (int i = 0; i < keys; ++i) {
    const int n = (first + i) % keys;
    const auto c = ports::call_context::within(20s);
    const auto got = co_await store.get(c, key_of(n));
    if (!got) co_return got.error().what();
    if (**got != value_of(n)) co_return "another value for " + key_of(n);
    const auto many = co_await store.get_many(c, {key_of(n), "large:absent", key_of(first)});
    if (!many) co_return many.error().what();
    if (*(*many)[0] != value_of(n) || (*many)[1] || *(*many)[2] != value_of(first)) co_return "others by get_many";
  }
  co_return std::string();
}

}  // namespace

TEST_CASE("many callers of large and small values at once get their own, and each is answered", "[redis]") {
  const std::string service = GENERATE("redis", "redis-tls");
  const auto address = service_url(service);
  if (!address) return;
  constexpr int keys = 24;
  running_loops loops(1);
  const auto store = open_store(loops.get(), *address);
  const auto c = ports::call_context::within(20s);
  for (int n = 0; n < keys; ++n)
    REQUIRE(loops.run(store->set_if_newer(c, key_of(n), std::make_shared<const std::string>(value_of(n)), 1)));
  std::vector<std::unique_ptr<started<result<std::string>>>> callers;
  callers.reserve(keys);
  for (int n = 0; n < keys; ++n)
    callers.push_back(std::make_unique<started<result<std::string>>>(loops.get().loop(0), read_round(*store, n, keys)));
  for (const auto& caller : callers) CHECK(caller->get().value().empty());
  for (int n = 0; n < keys; ++n) CHECK(loops.run(store->erase(c, key_of(n))).value());
  loops.run(close_store(*store));
}
