// What a server, or the way to it, does to a call: every call ends by its deadline, none gets another's answer.
#include "fixture.hpp"

#include "tests/support/outage.hpp"
#include "tests/support/services.hpp"
#include "tests/support/until.hpp"

#include <atomic>

namespace distsys::tests {

namespace {

awaitable<result<shared_bytes>> get_of(kv_store_case& t, std::string key, call_context c) {
  co_return co_await t.watch.watch(c.deadline, t.store->get(c, std::move(key)));
}

/// Sets and reads keys of its own until told to stop; says what was wrong, or nothing.
awaitable<result<std::string>> keep_calling(kv_store_case& t, std::string prefix, const std::atomic<bool>& stop,
                                            std::atomic<int>& failed, std::atomic<int>& worked) {
  for (int i = 0; !stop; ++i) {
    const std::string value = prefix + std::to_string(i);
    const auto c = call_context::within(2s);
    const auto set = co_await t.watch.watch(c.deadline, t.store->set(c, value, bytes(value)));
    const auto got = co_await t.watch.watch(c.deadline, t.store->get(c, value));
    for (const auto code : {set ? errc{} : set.error().code, got ? errc{} : got.error().code})
      if (code != errc{} && code != errc::not_found && !is_outage(code))
        co_return "an error " + std::string(name(code));
    if (got && **got != value) co_return "got " + **got + " for " + value;
    ++(set && got ? worked : failed);
    if (!set) (void)co_await runtime::sleep_for(1ms);
  }
  co_return std::string();
}

}  // namespace

KV_STORE_CASE("a server that is killed in mid-call fails calls, and works again when it is back") {
  EACH_REMOTE_KV_STORE();
  std::atomic<bool> stop{false};
  std::atomic<int> failed{0}, worked{0};
  std::vector<std::unique_ptr<started<result<std::string>>>> callers;
  callers.reserve(8);
  for (unsigned i = 0; i < 8; ++i) {
    callers.push_back(std::make_unique<started<result<std::string>>>(
        t.loops.get().loop(i % 2), keep_calling(t, t.prefix + std::to_string(i) + ":", stop, failed, worked)));
  }
  CHECK(until([&] { return worked > 100; }));
  CHECK(failed == 0);
  kill_service(t.backend.service);
  CHECK(until([&] { return failed > 20; }));
  CHECK(!t.store->health().healthy);
  start_service(t.backend.service);
  const int before = worked;
  CHECK(until([&] { return worked > before + 100; }));
  stop = true;
  for (const auto& c : callers) CHECK(c->get().value().empty());
  // One loop may still have been without a connection.
  CHECK(until([&] { return t.set("after", "v") && t.store->health().healthy; }));
}

KV_STORE_CASE("a call that is cancelled or late leaves its answer to nobody else") {
  EACH_KV_STORE_BEHIND_A_PEER();
  kv_store_case t(backend_, address);
  REQUIRE(t.set("late", "the answer to the late one"));
  REQUIRE(t.set("next", "the answer to the next one"));
  peer.set_now({.what = fault::kind::none, .delay = 200ms});
  {
    started<result<shared_bytes>> waiting(t.loops.get().loop(0), get_of(t, t.key("late"), soon()));
    started<result<shared_bytes>> brief(t.loops.get().loop(0), get_of(t, t.key("late"), call_context::within(20ms)));
    CHECK(brief.get().error() == errc::timeout);
    waiting.cancel();
    CHECK(waiting.get().error() == errc::cancelled);
  }
  CHECK(t.get("next") == "the answer to the next one");
  CHECK(t.get("absent") == "absent");
}

KV_STORE_CASE("a server that goes silent is noticed, and another connection made") {
  EACH_KV_STORE_BEHIND_A_PEER();
  kv_store_case t(backend_, address + (address.find('?') == std::string::npos ? "?" : "&") + "timeout=300ms");
  REQUIRE(t.set("a", "v"));
  peer.set_now({.what = fault::kind::stall});
  const auto brief = call_context::within(50ms);
  CHECK(t.loops.run(t.watch.watch(brief.deadline, t.store->get(brief, t.key("a")))).error() == errc::timeout);
  const call_context patient;  // without a deadline: ended by the driver's own limit
  CHECK(t.loops.run(t.store->increment(patient, t.key("n"), 1)).error() == errc::indeterminate);
  peer.set_now({});
  const auto limit = runtime::steady_now() + 20s;
  while (t.get("a") != "v" && runtime::steady_now() < limit) t.pass(runtime::steady_now() + 10ms);
  CHECK(t.get("a") == "v");
}

KV_STORE_CASE("more calls than may wait are overloaded") {
  EACH_KV_STORE_BEHIND_A_PEER();
  kv_store_case t(backend_, address);
  REQUIRE(t.set("a", "v"));
  peer.set_now({.what = fault::kind::stall});
  std::atomic<int> overloaded{0};
  constexpr int calls = 17'000;
  runtime::task_group group;
  struct one {
    static awaitable<void> call(ports::kv_store& store, std::string key, call_context c, std::atomic<int>& count) {
      const auto got = co_await store.get(c, std::move(key));
      if (!got && got.error() == errc::overloaded) ++count;
    }
  };
  for (int i = 0; i < calls; ++i)
    group.spawn(t.loops.get().loop(0), one::call(*t.store, t.key("a"), call_context::within(20s), overloaded));
  const auto limit = runtime::steady_now() + 20s;
  while (overloaded == 0 && runtime::steady_now() < limit) std::this_thread::yield();
  group.cancel();
  while (group.size() > 0) std::this_thread::yield();
  CHECK(overloaded > 0);
}

KV_STORE_CASE("a listener is told once that it may have missed messages") {
  EACH_KV_STORE_BEHIND_A_PEER();
  kv_store_case t(backend_, address);
  auto listener = t.store->subscribe(t.key("news"));
  const auto c = soon();
  REQUIRE(t.loops.run(t.store->publish(c, t.key("news"), "before")));
  CHECK(t.loops.run(listener->next(c)).value() == "before");
  peer.drop_all();
  CHECK(t.loops.run(listener->next(c)).error() == errc::unavailable);
  result<void> sent = errc::internal;  // the commands' connection was lost too
  while (!sent && !c.expired()) sent = t.loops.run(t.store->publish(c, t.key("news"), "after"));
  REQUIRE(sent);
  CHECK(t.loops.run(listener->next(c)).value() == "after");
}

KV_STORE_CASE("an error says which server, and never the password") {
  EACH_REMOTE_KV_STORE();
  fault_peer silent(0, {.bytes = "-ERR unknown command 'AUTH', with args beginning with: 'someone' 'hunter2' \r\n"});
  const std::string wrong[] = {
      "redis://someone:hunter2@127.0.0.1:1/0",                                     // nobody listens
      "redis://someone:hunter2@127.0.0.1:" + std::to_string(silent.port()) + "/",  // repeats what it was sent
      "redis://someone:hunter2@no-such-host.invalid:1/0",
      "rediss://someone:hunter2@127.0.0.1:" + std::to_string(silent.port()) + "/",
      "redis://someone:hunter2@/no/such.sock",
      port_of(t.backend.url) == 0 ? "redis://someone:hunter2@" + service_dir("redis") + "/redis.sock"
                                  : t.backend.url.substr(0, t.backend.url.find("://")) + "://someone:hunter2@" +
                                        t.backend.url.substr(t.backend.url.find("127.0.0.1:"))};
  for (const std::string& address : wrong) {
    INFO(address);
    kv_store_case refused(t.backend, address);
    const auto c = soon();
    const auto answer = refused.loops.run(refused.store->ping(c));
    REQUIRE(!answer);
    CHECK(answer.error() == errc::unavailable);
    const std::string told = answer.error().what() + refused.store->health().detail;
    INFO(told);
    CHECK(told.find("hunter2") == std::string::npos);
    CHECK(told.find("redis ") != std::string::npos);
    CHECK((told.find("127.0.0.1:") != std::string::npos || told.find(".invalid") != std::string::npos ||
           told.find(".sock") != std::string::npos));
  }
}

}  // namespace distsys::tests
