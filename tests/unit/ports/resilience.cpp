// Breaker, retries and the observer, as a port's callers see them.
#include "distsys/ports/resilience.hpp"

#include "distsys/foundation/metrics.hpp"
#include "distsys/ports/call_observer.hpp"
#include "distsys/ports/kv_store.hpp"
#include "distsys/runtime/task_group.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/loops.hpp"

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

#include <deque>
#include <optional>
#include <string>
#include <vector>

namespace distsys::ports {

namespace {

using namespace std::chrono_literals;

/// Answers what the script says, then what `afterwards` says.
class scripted_store final : public kv_store {
 public:
  explicit scripted_store(std::string name, const resilience& policy = resilience::remote())
      : kv_store(std::move(name), policy) {}
  bool shared_between_processes() const noexcept override { return true; }
  awaitable<void> close() override { co_return; }

  std::deque<std::optional<errc>> script;
  std::optional<errc> afterwards;
  std::vector<std::string> asked;
  unsigned together = 0;  // gets wait until so many have come, once

 private:
  result<void> next(std::string call) {
    asked.push_back(std::move(call));
    auto outcome = afterwards;
    if (!script.empty()) {
      outcome = script.front();
      script.pop_front();
    }
    if (outcome) return error{*outcome, "scripted"};
    return {};
  }
  awaitable<result<shared_bytes>> do_get(const call_context&, std::string key) override {
    for (++come_; come_ < together;) co_await asio::post(use_awaitable);
    if (auto ok = next("get " + key); !ok) co_return ok.error();
    co_return std::make_shared<const std::string>("value");
  }
  awaitable<result<std::vector<shared_bytes>>> do_get_many(const call_context&,
                                                           std::vector<std::string> keys) override {
    if (auto ok = next("get_many " + std::to_string(keys.size())); !ok) co_return ok.error();
    co_return std::vector<shared_bytes>(keys.size());
  }
  awaitable<result<void>> do_set(const call_context&, std::string key, shared_bytes value, time_to_live) override {
    co_return next("set " + key + "=" + (value ? *value : "(none)"));
  }
  awaitable<result<void>> do_set_if_absent(const call_context&, std::string key, shared_bytes, time_to_live) override {
    co_return next("set_if_absent " + key);
  }
  awaitable<result<void>> do_set_if_newer(const call_context&, std::string key, shared_bytes, std::uint64_t,
                                          time_to_live) override {
    co_return next("set_if_newer " + key);
  }
  awaitable<result<void>> do_invalidate(const call_context&, std::string key, std::uint64_t, time_to_live) override {
    co_return next("invalidate " + key);
  }
  awaitable<result<bool>> do_erase(const call_context&, std::string key) override {
    if (auto ok = next("erase " + key); !ok) co_return ok.error();
    co_return true;
  }
  awaitable<result<std::int64_t>> do_increment(const call_context&, std::string key, std::int64_t,
                                               time_to_live) override {
    if (auto ok = next("increment " + key); !ok) co_return ok.error();
    co_return 1;
  }
  awaitable<result<void>> do_publish(const call_context&, std::string channel, std::string) override {
    co_return next("publish " + channel);
  }
  std::unique_ptr<message_listener> do_subscribe(std::string) override { return nullptr; }
  awaitable<result<void>> do_ping(const call_context&) override { co_return next("ping"); }

  unsigned come_ = 0;
};

struct store_case {
  explicit store_case(std::string driver, const resilience& policy = resilience::remote())
      : name(std::move(driver)), store(name, policy) {}

  template <class T>
  errc run(awaitable<result<T>> call) {
    const auto outcome = loops.run(std::move(call));
    return outcome ? errc{} : outcome.error().code;
  }
  errc get() { return run(store.get(context, "k")); }
  std::uint64_t retries(std::string_view outcome) const {
    return metrics::get_counter("distsys_backend_retries_total", "",
                                {{"port", "kv_store"}, {"driver", name}, {"outcome", outcome}})
        .value();
  }
  double breaker_gauge() const {
    return metrics::get_gauge("distsys_backend_breaker_state", "", {{"port", "kv_store"}, {"driver", name}}).value();
  }
  std::uint64_t openings() const {
    return metrics::get_counter("distsys_backend_breaker_openings_total", "", {{"port", "kv_store"}, {"driver", name}})
        .value();
  }
  /// Fails until the breaker is open.
  void open() {
    store.afterwards = errc::unavailable;
    for (int i = 0; i < 5; ++i) CHECK(run(store.erase(context, "k")) == errc::unavailable);
    REQUIRE(store.health().breaker_open);
  }

  tests::running_loops loops;
  std::string name;
  scripted_store store;
  call_context context = call_context::within(10s);
};

resilience without_breaker() {
  auto r = resilience::remote();
  r.failures_until_open = 0;
  return r;
}

const auto value = std::make_shared<const std::string>("v");
const std::string long_key(100, 'k');  // does not fit into the string object itself

}  // namespace

TEST_CASE("idempotent calls are tried again with the same arguments, others never") {
  store_case t("idempotent", without_breaker());
  const auto tried = [&](auto call) {
    t.store.asked.clear();
    t.store.script = {errc::unavailable, errc::unavailable};
    const errc outcome = t.run(call());
    t.store.script.clear();
    for (const auto& a : t.store.asked) CHECK(a == t.store.asked.front());
    return std::pair(t.store.asked.size(), outcome);
  };
  using again = std::pair<std::size_t, errc>;
  const again thrice{3, errc{}}, once{1, errc::unavailable};
  CHECK(tried([&] { return t.store.get(t.context, long_key); }) == thrice);
  CHECK(tried([&] { return t.store.get_many(t.context, {long_key, "b"}); }) == thrice);
  CHECK(tried([&] { return t.store.set(t.context, long_key, value); }) == thrice);
  CHECK(t.retries("retried") == 6);
  CHECK(tried([&] { return t.store.set_if_absent(t.context, "k", value); }) == once);
  CHECK(tried([&] { return t.store.set_if_newer(t.context, "k", value, 1); }) == once);
  CHECK(tried([&] { return t.store.invalidate(t.context, "k", 1, 1s); }) == once);
  CHECK(tried([&] { return t.store.erase(t.context, "k"); }) == once);
  CHECK(tried([&] { return t.store.increment(t.context, "k", 1); }) == once);
  CHECK(tried([&] { return t.store.publish(t.context, "c", "m"); }) == once);
  CHECK(tried([&] { return t.store.ping(t.context); }) == once);
  CHECK(t.retries("retried") == 6);
}

TEST_CASE("only what never reached the backend is tried again, and not beyond the deadline") {
  store_case t("only unavailable", without_breaker());
  for (const errc other : {errc::timeout, errc::indeterminate, errc::overloaded, errc::corrupt, errc::not_found}) {
    t.store.asked.clear();
    t.store.script = {other};
    CHECK(t.get() == other);
    CHECK(t.store.asked.size() == 1);
  }
  auto slow = without_breaker();
  slow.first_backoff = 1h;
  store_case late("late", slow);
  late.store.script = {errc::unavailable};
  late.context = call_context::within(1ms);  // jitter may be as small as that once in a million runs
  (void)late.get();
  CHECK(late.store.asked.size() <= 1);
  CHECK(late.retries("retried") == 0);
}

TEST_CASE("an outage uses up the budget, and is not multiplied") {
  store_case t("budget", without_breaker());
  t.store.afterwards = errc::unavailable;
  for (int i = 0; i < 200; ++i) CHECK(t.get() == errc::unavailable);
  CHECK(t.retries("no_budget") > 100);
  // 10 of the start, a tenth of the calls, and one a second.
  CHECK(t.store.asked.size() >= 200 + 20);
  CHECK(t.store.asked.size() < 200 + 100);
}

TEST_CASE("an open breaker answers at once, says so, and closes when a ping succeeds") {
  store_case t("guarded");
  const auto before = t.openings();
  CHECK(!t.store.health().breaker_open);
  t.open();
  CHECK(t.openings() == before + 1);
  CHECK(t.breaker_gauge() == 2);
  CHECK(!t.store.health().healthy);
  CHECK(t.store.health().detail.find("breaker open, next try ") == 0);
  CHECK(t.store.health().detail.find("last failure: unavailable: scripted") != std::string::npos);
  const auto asked = t.store.asked.size();
  const auto refused = t.loops.run(t.store.increment(t.context, "k", 1));
  if (t.store.asked.size() == asked) {  // on a slow machine the pause may be over
    REQUIRE(!refused);
    CHECK(refused.error() == errc::unavailable);
    CHECK(refused.error().detail.find("guarded: breaker open") == 0);
  }
  CHECK(t.run(t.store.ping(t.context)) == errc::unavailable);
  CHECK(t.store.asked.back() == "ping");
  t.store.afterwards = std::nullopt;
  CHECK(t.run(t.store.ping(t.context)) == errc{});
  CHECK(t.store.health().healthy);
  CHECK(!t.store.health().breaker_open);
  CHECK(t.breaker_gauge() == 0);
  CHECK(t.get() == errc{});
  CHECK(t.openings() == before + 1);
}

TEST_CASE("the breaker closes by ordinary calls alone") {
  store_case t("recovering");
  t.open();
  t.store.afterwards = std::nullopt;
  errc last = errc::unavailable;
  const auto limit = runtime::steady_now() + 20s;
  while (last != errc{} && runtime::steady_now() < limit) {  // until its pause of at most 300 ms is over
    last = t.get();
    REQUIRE((last == errc{} || last == errc::unavailable));
  }
  CHECK(last == errc{});
  CHECK(t.breaker_gauge() == 0);
  CHECK(t.store.health().healthy);
}

namespace {

awaitable<void> get_and_count(kv_store& store, call_context context, int& worked) {
  if (co_await store.get(context, "k")) ++worked;
}

awaitable<int> get_together(scripted_store& store, int count, call_context context) {
  int worked = 0;
  runtime::task_group group;
  for (int i = 0; i < count; ++i)
    group.spawn(co_await asio::this_coro::executor, get_and_count(store, context, worked));
  co_await group.wait();
  co_return worked;
}

}  // namespace

TEST_CASE("a connection that is lost under many calls opens no breaker, and every call succeeds by another try") {
  store_case t("lost connection");
  for (int i = 0; i < 100; ++i) CHECK(t.get() == errc{});  // their tenths pay for the retries
  t.store.asked.clear();
  t.store.together = 100 + 20;
  t.store.script.assign(20, errc::unavailable);
  const auto before = t.openings();
  CHECK(t.loops.run(get_together(t.store, 20, t.context)) == 20);
  CHECK(t.store.asked.size() == 40);
  CHECK(t.openings() == before);
  CHECK(t.store.health().healthy);
}

TEST_CASE("a store that goes takes its open breaker out of the metric") {
  {
    store_case t("gone");
    t.open();
    CHECK(t.breaker_gauge() == 2);
  }
  CHECK(store_case("gone").breaker_gauge() == 0);
}

TEST_CASE("without a policy a port refuses and repeats nothing") {
  store_case t("plain", {});
  t.store.afterwards = errc::unavailable;
  for (int i = 0; i < 20; ++i) CHECK(t.get() == errc::unavailable);
  CHECK(t.store.asked.size() == 20);
  CHECK(!t.store.health().healthy);
  CHECK(!t.store.health().breaker_open);
}

namespace {

struct seen_call {
  std::string port, driver, operation, trace;
  std::optional<errc> failure;
  unsigned tries;
};
std::vector<seen_call> seen;  // of one loop; read when the call has returned

void note(const observed_call& c) noexcept {
  seen.push_back({std::string(c.port), std::string(c.driver), std::string(c.operation), std::string(c.trace),
                  c.failure ? std::optional(c.failure->code) : std::nullopt, c.tries});
}

}  // namespace

TEST_CASE("an observer is told of each call, its trace, its outcome and its tries") {
  store_case t("observed", without_breaker());
  t.context.trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  seen.clear();
  observe_calls(&note);
  CHECK(t.get() == errc{});
  t.store.script = {errc::unavailable};
  CHECK(t.get() == errc{});
  t.store.script = {errc::timeout};
  CHECK(t.get() == errc::timeout);
  CHECK(t.run(t.store.get(t.context, std::string(2000, 'k'))) == errc::too_large);
  observe_calls(nullptr);
  CHECK(t.get() == errc{});
  REQUIRE(seen.size() == 4);
  for (const auto& s : seen) {
    CHECK(s.port == "kv_store");
    CHECK(s.driver == "observed");
    CHECK(s.operation == "get");
    CHECK(s.trace == t.context.trace);
  }
  CHECK((!seen[0].failure && seen[0].tries == 1));
  CHECK((!seen[1].failure && seen[1].tries == 2));
  CHECK((seen[2].failure == errc::timeout && seen[2].tries == 1));
  CHECK((seen[3].failure == errc::too_large && seen[3].tries == 0));
}

}  // namespace distsys::ports
