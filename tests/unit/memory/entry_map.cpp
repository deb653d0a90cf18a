#include "src/adapters/memory/entry_map.hpp"

#include "distsys/runtime/random.hpp"
#include "src/adapters/memory/driver.hpp"

#include <catch2/catch.hpp>

#include <malloc.h>

#include <map>
#include <memory>
#include <string>

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define DISTSYS_OTHER_HEAP 1
#endif
#endif

using namespace distsys;
using namespace distsys::adapters::memory;
using namespace std::chrono_literals;
using caching::eviction;

namespace {

const entry_map::time start{1000s};
constexpr auto never = entry_map::time::max();

ports::shared_bytes text(std::size_t size, char c = 'v') { return std::make_shared<const std::string>(size, c); }

eviction any_eviction() {
  return GENERATE(eviction::lru, eviction::lfu, eviction::fifo, eviction::s3_fifo, eviction::w_tinylfu);
}

result<std::shared_ptr<ports::kv_store>> open(const std::string& address) {
  runtime::runtime loops(1);
  const auto parsed = url::parse(address).value();
  return std::get<ports::open_function<ports::kv_store>>(kv_store_driver.open)(parsed, {loops, "."});
}

}  // namespace

TEST_CASE("a store says nothing that is not so, whatever it evicts") {
  entry_map m(64u << 10, any_eviction());
  std::map<std::string, char> last;
  runtime::random r(3);
  std::size_t found = 0;
  for (int step = 0; step < 20'000; ++step) {
    const std::string key = "key " + std::to_string(r.below(400));
    const auto now = start + std::chrono::milliseconds(step);
    const auto value = m.get(key, now);
    if (value) {
      ++found;
      REQUIRE(last.contains(key));
      REQUIRE(value->front() == last[key]);
    }
    if (r.chance(0.1)) {
      m.erase(key, now);
      last.erase(key);
    } else if (!value || r.chance(0.1)) {
      const auto c = static_cast<char>('a' + r.below(26));
      REQUIRE(m.set(key, text(1 + r.below(600), c), 0, r.chance(0.5) ? now + 500ms : never, now));
      last[key] = c;
      REQUIRE(m.get(key, now));  // what was set last is there
    }
    REQUIRE(m.bytes() <= 64u << 10);
  }
  CHECK(found > 1000);
}

TEST_CASE("what has expired goes first") {
  entry_map m(64u << 10, any_eviction());
  REQUIRE(m.set("stays", text(1000), 0, never, start));
  for (int i = 0; i < 30; ++i) REQUIRE(m.set("short " + std::to_string(i), text(1000), 0, start + 1s, start));
  for (int i = 0; i < 15; ++i) REQUIRE(m.set("new " + std::to_string(i), text(3000), 0, never, start + 2s));
  CHECK(m.get("stays", start + 2s));
}

TEST_CASE("a tombstone that is evicted still refuses what is older") {
  entry_map m(64u << 10, any_eviction());
  REQUIRE(m.bury("gone", 7, start + 60s, start));
  for (int i = 0; i < 2000; ++i) {
    const auto key = std::to_string(i);
    REQUIRE(m.set(key, text(1000), 0, never, start));
    m.get(key, start);
  }
  CHECK(m.version_to_beat("gone", start + 1s) == 7u);
  CHECK(m.version_to_beat("gone", start + 61s) == std::nullopt);
}

TEST_CASE("an entry that is too large is refused, and what was there stays") {
  entry_map m(64u << 10);
  REQUIRE(m.set("key", text(10), 0, never, start));
  CHECK(m.set("key", text(70u << 10), 0, never, start).error() == errc::no_space);
  CHECK(m.get("key", start));
}

TEST_CASE("a store's bytes are what the heap gave, within a tenth") {
#ifdef DISTSYS_OTHER_HEAP
  WARN("the sanitizer has a heap of its own: not measured");
#else
  const auto how = any_eviction();
  const auto value_size = GENERATE(0u, 40u, 1000u);
  const auto heap = [] {
    const auto m = ::mallinfo2();
    return m.uordblks + m.hblkhd;
  };
  const std::size_t before = heap();
  entry_map m(256u << 20, how);
  for (int i = 0; i < 20'000; ++i) {
    const auto key = std::to_string(i) + std::string(static_cast<std::size_t>(i % 40), '.');
    REQUIRE(m.set(key, text(value_size), 0, i % 2 == 0 ? never : start + 60s, start));
  }
  const auto grown = static_cast<double>(heap() - before);
  INFO(caching::name_of(how) << ", values of " << value_size);
  CHECK(static_cast<double>(m.bytes()) > grown * 0.9);
  CHECK(static_cast<double>(m.bytes()) < grown * 1.1);
#endif
}

TEST_CASE("memory: takes a policy by name, and lists them when it does not know one") {
  CHECK(open("memory:?eviction=s3-fifo"));
  CHECK(open("memory:?max=1MiB&eviction=lru"));
  const auto refused = open("memory:?eviction=mru");
  REQUIRE_FALSE(refused);
  CHECK(refused.error() == errc::invalid);
  CHECK(refused.error().detail.find("w-tinylfu") != std::string::npos);
}
