// The fault peer strikes at every byte of the server's answers: calls end, nothing crashes, no answer is wrong.
#include "fixture.hpp"

#include <algorithm>
#include <iostream>
#include <thread>

namespace distsys::tests {

namespace {

constexpr auto patience = 60ms;  // of a call
const std::string nonsense("#\x00?!\r", 5);

struct tally {
  std::size_t right = 0, failed = 0;
  std::chrono::steady_clock::duration worst_delay{};  // beyond a deadline
};

/// What a damaged answer may look like: bytes inside a value cannot be checked, but they are the peer's, not another
/// call's.
bool may_be(const std::string& got, const std::string& right, bool damaged) {
  if (got == right) return true;
  return damaged && got.size() == right.size() && got.find_first_of(nonsense) != std::string::npos;
}

/// Each call through the peer; returns what was wrong, or nothing.
awaitable<result<std::string>> converse(ports::kv_store& store, std::string prefix, bool damaged, tally& sum) {
  for (const std::string name : {"one", "two", "three"}) {
    const std::string key = prefix + name, value = "value of " + name;
    for (int step = 0; step < 4; ++step) {
      const auto c = call_context::within(patience);
      error why;
      if (step == 0) {
        const auto set = co_await store.set(c, key, bytes(value));
        if (!set) why = set.error();
      } else if (step == 1) {
        const auto got = co_await store.get(c, key);
        if (!got) why = got.error();
        if (got && !may_be(**got, value, damaged)) co_return "get " + name + ": " + **got;
      } else if (step == 2) {
        const auto got = co_await store.get_many(c, {key, prefix + "absent"});
        if (!got) why = got.error();
        if (got && got->size() != 2) co_return "get_many " + std::to_string(got->size());
        if (got && (*got)[0] && !may_be(*(*got)[0], value, damaged)) co_return "get_many: " + *(*got)[0];
        if (got && (*got)[1]) co_return "get_many of what is absent: " + *(*got)[1];
      } else {
        const auto count = co_await store.increment(c, key + ":n", 1);
        if (!count) why = count.error();
        if (count && *count < 1) co_return "increment: " + std::to_string(*count);
      }
      sum.worst_delay = std::max(sum.worst_delay, runtime::steady_now() - c.deadline);
      ++(why.code == errc{} ? sum.right : sum.failed);
    }
  }
  co_return std::string();
}

std::string strike(const kv_store_backend& backend, fault f, tally& sum) {
  fault_peer peer(port_of(backend.url), f);
  kv_store_case t(backend, with_port(backend.url, peer.port()));
  const bool damaged = f.what == fault::kind::replace || f.what == fault::kind::insert;
  const std::string wrong = t.loops.run(converse(*t.store, t.prefix, damaged, sum)).value();
  if (!wrong.empty()) return wrong;
  peer.set({});  // a sane server: the store must come back
  peer.drop_all();
  const auto limit = runtime::steady_now() + 20s;
  while (!t.set("after", "all is well") && runtime::steady_now() < limit) t.pass(runtime::steady_now() + 5ms);
  return t.get("after") == "all is well" ? "" : "no recovery: " + t.get("after");
}

std::size_t bytes_of_a_conversation(const kv_store_backend& backend) {
  fault_peer peer(port_of(backend.url));
  kv_store_case t(backend, with_port(backend.url, peer.port()));
  tally unused;
  (void)t.loops.run(converse(*t.store, t.prefix, false, unused));
  return peer.bytes_of_server();
}

void strike_everywhere(const kv_store_backend& backend, fault::kind what) {
  const std::size_t bytes = bytes_of_a_conversation(backend);
  // Under TLS most bytes are ciphertext: every so many is enough.
  const std::size_t stride = bytes > 600 ? bytes / 120 : 1;
  constexpr std::size_t lanes = 12;  // most of the time is waiting
  std::vector<std::string> wrong(lanes);
  std::vector<tally> sums(lanes);
  std::vector<std::thread> threads;
  for (std::size_t lane = 0; lane < lanes; ++lane) {
    threads.emplace_back([&, lane] {
      for (std::size_t at = lane * stride; at < bytes && wrong[lane].empty(); at += lanes * stride) {
        const std::string said = strike(backend, {.what = what, .at = at, .bytes = nonsense}, sums[lane]);
        if (!said.empty()) wrong[lane] = "at byte " + std::to_string(at) + ": " + said;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  tally all;
  for (std::size_t lane = 0; lane < lanes; ++lane) {
    CHECK(wrong[lane] == "");
    all.right += sums[lane].right;
    all.failed += sums[lane].failed;
    all.worst_delay = std::max(all.worst_delay, sums[lane].worst_delay);
  }
  CHECK(all.right > 0);
  CHECK(all.failed > 0);
  CHECK(all.worst_delay < 5s);  // no hang; how late a loaded machine lets a call end is told, not judged
  std::cout << backend.name << ": " << all.right + all.failed << " calls, " << all.failed << " failed, the latest "
            << std::max<std::int64_t>(0, std::chrono::ceil<std::chrono::milliseconds>(all.worst_delay).count())
            << " ms after its deadline" << std::endl;
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
