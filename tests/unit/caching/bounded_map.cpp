#include "distsys/caching/bounded_map.hpp"

#include "distsys/caching/sharded_map.hpp"

#include <catch2/catch.hpp>

#include <memory>
#include <string>
#include <thread>
#include <vector>

using namespace distsys::caching;
using namespace std::chrono_literals;

namespace {

using map = bounded_map<std::string>;
const time_point start{1000s};

// Of one-letter keys; the index has eight buckets up to eight entries, and doubles.
std::size_t room_for(std::size_t entries) {
  std::size_t buckets = 8;
  while (buckets < entries) buckets *= 2;
  return entries * map::entry_bytes(1, 0) + buckets * sizeof(void*);
}

}  // namespace

TEST_CASE("a bounded map evicts what was used least recently") {
  map m(room_for(3), eviction::lru);
  REQUIRE(m.insert("a", "1", 0));
  REQUIRE(m.insert("b", "2", 0));
  REQUIRE(m.insert("c", "3", 0));
  CHECK(*m.find("a", start) == "1");
  REQUIRE(m.insert("d", "4", 0));
  CHECK(m.find("b", start) == nullptr);
  CHECK(*m.find("a", start) == "1");
  CHECK(*m.find("c", start) == "3");
  CHECK(*m.find("d", start) == "4");
  CHECK(m.statistics().evictions == 1);
}

TEST_CASE("a bounded map accounts for keys, values, its own nodes and its index") {
  map m(room_for(10), eviction::lru);
  constexpr std::size_t index = 8 * sizeof(void*);
  CHECK(m.bytes() == 0);
  REQUIRE(m.insert("short", "v", 100));
  CHECK(m.bytes() == index + map::entry_bytes(5, 100));
  const std::string long_key(200, 'k');
  REQUIRE(m.insert(long_key, "v", 50));
  CHECK(m.bytes() == index + map::entry_bytes(5, 100) + map::entry_bytes(200, 50));
  SECTION("replacing counts once") {
    REQUIRE(m.insert("short", "w", 10));
    CHECK(m.size() == 2);
    CHECK(m.bytes() == index + map::entry_bytes(5, 10) + map::entry_bytes(200, 50));
  }
  SECTION("erasing gives it back") {
    CHECK(m.erase(long_key));
    CHECK_FALSE(m.erase(long_key));
    CHECK(m.bytes() == index + map::entry_bytes(5, 100));
    m.clear();
    CHECK(m.bytes() == 0);
    CHECK(m.find("short", start) == nullptr);
    REQUIRE(m.insert("short", "again", 100));
    CHECK(*m.find("short", start) == "again");
  }
}

TEST_CASE("a bounded map never holds more than it is given") {
  const auto how = GENERATE(eviction::lru, eviction::lfu, eviction::fifo, eviction::s3_fifo, eviction::w_tinylfu);
  map m(room_for(4) + 1000, how);
  for (int i = 0; i < 1000; ++i) {
    m.insert("key " + std::to_string(i % 37), "v", static_cast<std::size_t>(i * 7919 % 900));
    REQUIRE(m.bytes() <= m.max_bytes());
  }
  SECTION("an entry that is over the limit alone is not kept, and the old one is gone") {
    REQUIRE(m.insert("big", "v", 1));
    CHECK_FALSE(m.insert("big", "w", m.max_bytes()));
    CHECK(m.find("big", start) == nullptr);
  }
}

TEST_CASE("an entry of a bounded map lives until its time") {
  map m(room_for(10), eviction::lru);
  REQUIRE(m.insert("a", "1", 0, start + 10s));
  CHECK(m.find("a", start + 9s) != nullptr);
  CHECK(m.peek("a", start + 9s) != nullptr);
  CHECK(m.peek("a", start + 10s) == nullptr);
  CHECK(m.statistics().expirations == 0);
  CHECK(m.find("a", start + 10s) == nullptr);
  CHECK(m.size() == 0);
  CHECK(m.bytes() == 8 * sizeof(void*));
  CHECK(m.statistics().expirations == 1);
}

TEST_CASE("peeking is no use") {
  map m(room_for(2), eviction::lru);
  REQUIRE(m.insert("a", "1", 0));
  REQUIRE(m.insert("b", "2", 0));
  CHECK(*m.peek("a", start) == "1");
  REQUIRE(m.insert("c", "3", 0));
  CHECK(m.peek("a", start) == nullptr);
  CHECK(m.peek("b", start) != nullptr);
}

TEST_CASE("a bounded map erases by predicate") {
  map m(room_for(10));
  for (const char* key : {"a1", "b1", "a2"}) REQUIRE(m.insert(key, "v", 0));
  CHECK(m.erase_if([](std::string_view key, const std::string&) { return key.front() == 'a'; }) == 2);
  CHECK(m.size() == 1);
  CHECK(m.find("b1", start) != nullptr);
}

TEST_CASE("a sharded map is shared by threads and stays within its bytes") {
  using values = sharded_map<std::shared_ptr<const std::string>>;
  const auto how = GENERATE(eviction::lru, eviction::lfu, eviction::fifo, eviction::s3_fifo, eviction::w_tinylfu);
  constexpr std::size_t room = 64 * bounded_map<std::shared_ptr<const std::string>>::entry_bytes(7, 0);
  values m(room, 4, how);
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&m, t] {
      for (int i = 0; i < 5000; ++i) {
        const std::string key = "key " + std::to_string((i * 31 + t) % 200);
        if (const auto found = m.find(key, start)) {
          if (**found != key) std::terminate();
        } else {
          m.insert_if([] { return true; }, key, std::make_shared<const std::string>(key), 0, time_point::max());
        }
        if (i % 97 == 0) m.erase(key);
        if (i % 1009 == 0) m.erase_if([](std::string_view k, const auto&) { return k.back() == '7'; });
      }
    });
  }
  for (std::thread& t : threads) t.join();
  const auto totals = m.read();
  CHECK(totals.entries > 0);
  CHECK(totals.entries <= 64);
  CHECK(totals.bytes <= room);
  CHECK(totals.statistics.evictions > 0);
  CHECK_FALSE(m.insert_if([] { return false; }, "late", nullptr, 0, time_point::max()));
  CHECK_FALSE(m.find("late", start));
}
