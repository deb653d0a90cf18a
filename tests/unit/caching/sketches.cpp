#include "distsys/caching/frequency_sketch.hpp"
#include "distsys/caching/ghost_table.hpp"
#include "distsys/runtime/random.hpp"

#include <catch2/catch.hpp>

#include <vector>

using namespace distsys;
using namespace distsys::caching;

namespace {

std::vector<std::uint64_t> hashes(std::size_t n, std::uint64_t seed) {
  runtime::random r(seed);
  std::vector<std::uint64_t> all(n);
  for (auto& h : all) h = r();
  return all;
}

}  // namespace

TEST_CASE("a sketch never counts too little, and seldom too much") {
  frequency_sketch s;
  s.reserve(1024);
  const auto keys = hashes(512, 1);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    for (std::size_t n = 0; n < i % 12; ++n) s.add(keys[i]);
  }
  std::size_t exact = 0;
  for (std::size_t i = 0; i < keys.size(); ++i) {
    REQUIRE(s.frequency(keys[i]) >= i % 12);
    exact += s.frequency(keys[i]) == i % 12 ? 1 : 0;
  }
  CHECK(exact > keys.size() * 9 / 10);
}

TEST_CASE("a sketch counts to 15, forgets by halves, and keeps its counts when it grows") {
  frequency_sketch s;
  CHECK(s.frequency(1) == 0);
  s.add(1);  // without room nothing is counted
  s.reserve(64);
  CHECK(s.frequency(1) == 0);
  const auto keys = hashes(3000, 2);
  for (int i = 0; i < 40; ++i) s.add(keys[0]);
  CHECK(s.frequency(keys[0]) == 15);
  s.reserve(1000);
  CHECK(s.frequency(keys[0]) == 15);
  SECTION("by halves") {
    for (int round = 0; round < 5; ++round) {
      for (std::size_t i = 1; i < keys.size(); ++i) s.add(keys[i]);
    }
    CHECK(s.frequency(keys[0]) <= 7 + 3);
  }
  SECTION("all at once") {
    s.clear();
    CHECK(s.frequency(keys[0]) == 0);
  }
}

TEST_CASE("ghosts are known until enough came after them") {
  ghost_table g;
  CHECK_FALSE(g.take(1, 10));
  g.reserve(1000);
  const auto keys = hashes(2000, 3);
  for (std::size_t i = 0; i < 400; ++i) g.add(keys[i]);
  CHECK_FALSE(g.take(keys[1999], 400));
  CHECK(g.take(keys[399], 1));
  CHECK_FALSE(g.take(keys[399], 400));  // it was taken out
  CHECK_FALSE(g.take(keys[299], 100));
  std::size_t known = 0;
  for (std::size_t i = 0; i < 299; ++i) known += g.take(keys[i], 400) ? 1 : 0;
  CHECK(known > 295);  // crowded buckets lose a few
  g.add(keys[5]);
  g.reserve(100'000);
  CHECK(g.take(keys[5], 10));
  g.add(keys[6]);
  g.clear();
  CHECK_FALSE(g.take(keys[6], 10));
}
