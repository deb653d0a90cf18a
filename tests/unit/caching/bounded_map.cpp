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

std::size_t room_for(std::size_t entries) { return entries * map::overhead_bytes(); }

}  // namespace

TEST_CASE("a bounded map evicts what was used least recently") {
  map m(room_for(3));
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

TEST_CASE("a bounded map accounts for keys, values and its own nodes") {
  map m(room_for(10));
  CHECK(m.bytes() == 0);
  REQUIRE(m.insert("short", "v", 100));
  CHECK(m.bytes() == map::overhead_bytes() + 100);
  const std::string long_key(200, 'k');
  REQUIRE(m.insert(long_key, "v", 50));
  CHECK(m.bytes() == 2 * map::overhead_bytes() + 150 + 201);
  SECTION("replacing counts once") {
    REQUIRE(m.insert("short", "w", 10));
    CHECK(m.size() == 2);
    CHECK(m.bytes() == 2 * map::overhead_bytes() + 60 + 201);
  }
  SECTION("erasing gives it back") {
    CHECK(m.erase(long_key));
    CHECK_FALSE(m.erase(long_key));
    CHECK(m.bytes() == map::overhead_bytes() + 100);
    m.clear();
    CHECK(m.bytes() == 0);
    CHECK(m.find("short", start) == nullptr);
  }
}

TEST_CASE("a bounded map never holds more than it is given") {
  map m(room_for(4) + 1000);
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
  map m(room_for(10));
  REQUIRE(m.insert("a", "1", 0, start + 10s));
  CHECK(m.find("a", start + 9s) != nullptr);
  CHECK(m.find("a", start + 10s) == nullptr);
  CHECK(m.size() == 0);
  CHECK(m.bytes() == 0);
  CHECK(m.statistics().expirations == 1);
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
  values m(64 * bounded_map<std::shared_ptr<const std::string>>::overhead_bytes(), 4);
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&m, t] {
      for (int i = 0; i < 5000; ++i) {
        const std::string key = "key " + std::to_string((i * 31 + t) % 200);
        if (const auto found = m.find(key, start)) {
          if (**found != key) std::terminate();
        } else {
          m.insert_if([] { return true; }, key, std::make_shared<const std::string>(key), 0, time_point::max());
        }
      }
    });
  }
  for (std::thread& t : threads) t.join();
  const auto totals = m.read();
  CHECK(totals.entries > 0);
  CHECK(totals.entries <= 64);
  CHECK(totals.statistics.evictions > 0);
  CHECK_FALSE(m.insert_if([] { return false; }, "late", nullptr, 0, time_point::max()));
  CHECK_FALSE(m.find("late", start));
}
