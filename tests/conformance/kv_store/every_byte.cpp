// The fault peer strikes at every byte of the server's answers: calls end, nothing crashes, no answer is wrong.
#include "tests/support/every_byte.hpp"
#include "fixture.hpp"

namespace distsys::tests {

namespace {

constexpr auto patience = 60ms;  // of a call that is struck

/// A damaged value is the peer's, and as long as the right one.
bool may_be(const std::string& got, const std::string& right, bool damaged) {
  return got == right || (damaged && got.size() == right.size() && holds_nonsense(got));
}

/// Each call through the peer; returns what was wrong, or nothing.
awaitable<result<std::string>> converse(ports::kv_store& store, std::string prefix, bool damaged, strike_outcome& sum) {
  for (const std::string name : {"one", "two", "three"}) {
    const std::string key = prefix + name, value = "value of " + name;
    const auto setting = call_context::within(sum.patience);
    (void)co_await sum.watch(setting, store.set(setting, key, bytes(value)));

    const auto getting = call_context::within(sum.patience);
    const auto got = co_await sum.watch(getting, store.get(getting, key));
    if (got && !may_be(**got, value, damaged)) co_return "get " + name + ": " + **got;

    const auto getting_both = call_context::within(sum.patience);
    std::vector<std::string> keys{key, prefix + "absent"};
    const auto both = co_await sum.watch(getting_both, store.get_many(getting_both, std::move(keys)));
    if (both && both->size() != 2) co_return "get_many " + std::to_string(both->size());
    if (both && (*both)[0] && !may_be(*(*both)[0], value, damaged)) co_return "get_many: " + *(*both)[0];
    if (both && (*both)[1]) co_return "get_many of what is absent: " + *(*both)[1];

    const auto counting = call_context::within(sum.patience);
    const auto count = co_await sum.watch(counting, store.increment(counting, key + ":n", 1));
    if (count && *count < 1) co_return "increment: " + std::to_string(*count);
  }
  co_return std::string();
}

std::string strike(const kv_store_backend& backend, const fault& f, strike_outcome& sum) {
  fault_peer peer(port_of(backend.url), f);
  kv_store_case t(backend, with_port(backend.url, peer.port()));
  const std::string wrong = t.loops.run(converse(*t.store, t.prefix, is_damaged(f), sum)).value();
  if (!wrong.empty()) return wrong;
  peer.set({});  // a sane server: the store must come back
  peer.drop_all();
  // Some tries at least, should the machine stand still for as long.
  const auto limit = runtime::steady_now() + 20s;
  for (int tries = 1; !t.set("after", "all is well") && (tries < 100 || runtime::steady_now() < limit); ++tries)
    t.pass(runtime::steady_now() + 5ms);
  return t.get("after") == "all is well" ? "" : "no recovery: " + t.get("after");
}

std::size_t bytes_of_a_conversation(const kv_store_backend& backend) {
  fault_peer peer(port_of(backend.url));
  kv_store_case t(backend, with_port(backend.url, peer.port()));
  strike_outcome unused{.patience = 20s};
  (void)t.loops.run(converse(*t.store, t.prefix, false, unused));
  return peer.bytes_of_server();
}

void strike_everywhere(const kv_store_backend& backend, fault::kind what) {
  strike_plan plan{.driver = backend.name, .what = what, .bytes = bytes_of_a_conversation(backend)};
  // Under TLS most bytes are ciphertext: every so many is enough.
  plan.stride = plan.bytes > 600 ? plan.bytes / 120 : 1;
  strike_outcome sum{.patience = patience};
  strike_each_byte(plan, sum, [&](const fault& f) { return strike(backend, f, sum); });
}

}  // namespace

#define EACH_STRUCK_KV_STORE(what)                                                                     \
  const auto& backend_ = GENERATE(from_range(kv_store_backends().begin(), kv_store_backends().end())); \
  matrix::begin(backend_.name);                                                                        \
  if (backend_.service.empty() || port_of(backend_.url) == 0) return matrix::not_promised();           \
  strike_everywhere(backend_, what)

KV_STORE_CASE("an answer cut off at any byte: calls end, and the next connection works") {
  EACH_STRUCK_KV_STORE(fault::kind::close);
}

KV_STORE_CASE("a reset at any byte: calls end, and the next connection works") {
  EACH_STRUCK_KV_STORE(fault::kind::reset);
}

KV_STORE_CASE("silence from any byte on: calls end by their deadlines") { EACH_STRUCK_KV_STORE(fault::kind::stall); }

KV_STORE_CASE("nonsense in the place of any bytes: no crash, no wrong answer") {
  EACH_STRUCK_KV_STORE(fault::kind::replace);
}

KV_STORE_CASE("nonsense between any bytes: no crash, no wrong answer") { EACH_STRUCK_KV_STORE(fault::kind::insert); }

KV_STORE_CASE("answers that come byte by byte are whole") {
  EACH_KV_STORE_BEHIND_A_PEER();
  peer.set({.piece = 1});
  kv_store_case t(backend_, address);
  const std::string value(3000, 'v');
  REQUIRE(t.set("a", value));
  CHECK(t.get("a") == value);
  CHECK(t.increment("n", 7).value() == 7);
  CHECK(t.get("absent") == "absent");
}

}  // namespace distsys::tests
