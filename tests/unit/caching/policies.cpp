#include "distsys/caching/any_policy.hpp"
#include "distsys/runtime/random.hpp"
#include "tests/unit/caching/models.hpp"

#include <catch2/catch.hpp>

#include <array>
#include <map>
#include <set>
#include <vector>

using namespace distsys;
using namespace distsys::caching;

namespace {

constexpr auto all = {eviction::lru, eviction::lfu, eviction::fifo, eviction::s3_fifo, eviction::w_tinylfu};

std::uint64_t hash_of(int key) { return runtime::random(static_cast<std::uint64_t>(key) + 1)(); }

/// A cache of entries that are only numbers, with the model beside it.
struct pair_of_caches {
  pair_of_caches(eviction how, std::size_t max)
      : max_weight(max), fast(how, max), slow(models::make(name_of(how), max)) {
    fast.reserve(1024);
    for (int k = 0; k < static_cast<int>(entries.size()); ++k) entries[static_cast<std::size_t>(k)].hash = hash_of(k);
  }

  policy_entry& entry(int key) { return entries[static_cast<std::size_t>(key)]; }

  void make_room(std::size_t incoming) {
    while (weight + incoming > max_weight) {
      policy_entry* const gone = fast.evict(incoming);
      const int key = slow->evict(incoming);
      REQUIRE(gone != nullptr);
      REQUIRE(gone - entries.data() == key);
      REQUIRE(inside.erase(key) == 1);
      weight -= gone->weight;
    }
  }

  void insert(int key, std::uint32_t bytes) {
    models::item old{key, hash_of(key)};
    const bool known = inside.contains(key);
    if (known) old = drop(key);
    make_room(bytes);
    entry(key).weight = bytes;
    old.weight = bytes;
    known ? fast.readmit(entry(key)) : fast.admit(entry(key));
    known ? slow->readmit(old) : slow->admit(old);
    inside.insert(key);
    weight += bytes;
  }

  models::item drop(int key) {
    fast.remove(entry(key));
    weight -= entry(key).weight;
    inside.erase(key);
    return slow->remove(key);
  }

  void use(int key) {
    fast.use(entry(key));
    slow->use(key);
  }

  const std::size_t max_weight;
  any_policy fast;
  std::unique_ptr<models::model> slow;
  std::array<policy_entry, 300> entries;
  std::set<int> inside;
  std::size_t weight = 0;
};

// What is asked for: a few keys often, and now and then a sweep over keys that never come back.
int draw(runtime::random& r, int step) {
  if (step % 50 < 10) return 100 + step % 200;
  const double u = r.uniform();
  return static_cast<int>(u * u * u * 100);
}

void play(eviction how, std::size_t max, std::uint32_t largest, std::uint64_t seed) {
  runtime::random r(seed);
  pair_of_caches both(how, max);
  for (int step = 0; step < 4000; ++step) {
    const int key = draw(r, step);
    const auto bytes = static_cast<std::uint32_t>(1 + r.below(largest));
    if (both.inside.contains(key)) {
      if (r.chance(0.03)) {
        both.drop(key);
      } else if (r.chance(0.05)) {
        both.insert(key, bytes);
      } else {
        both.use(key);
      }
    } else {
      both.insert(key, bytes);
    }
    REQUIRE(both.weight <= max);
  }
  // What is left goes in the same order.
  while (!both.inside.empty()) both.make_room(both.max_weight - both.weight + 1);
  REQUIRE(both.fast.evict(1) == nullptr);
}

}  // namespace

TEST_CASE("each policy evicts what its model evicts, entries counted") {
  for (const eviction how : all) {
    for (const std::size_t max : {1u, 2u, 7u, 10u, 30u, 99u}) {
      INFO(name_of(how) << ", " << max << " entries");
      play(how, max, 1, max);
    }
  }
}

TEST_CASE("each policy evicts what its model evicts, bytes counted") {
  for (const eviction how : all) {
    for (const std::size_t max : {40u, 300u, 2000u}) {
      INFO(name_of(how) << ", " << max << " bytes");
      play(how, max, 40, max);
    }
  }
}

TEST_CASE("a policy that was cleared starts anew") {
  for (const eviction how : all) {
    any_policy p(how, 10);
    p.reserve(16);
    std::array<policy_entry, 4> entries;
    for (policy_entry& e : entries) p.admit(e);
    p.clear();
    CHECK(p.evict(1) == nullptr);
    p.reserve(16);
    for (policy_entry& e : entries) p.admit(e);
    std::set<policy_entry*> gone;
    while (policy_entry* e = p.evict(10)) gone.insert(e);
    CHECK(gone.size() == 4);
  }
}

TEST_CASE("names of policies are read back, and nothing else is") {
  for (const eviction how : all) CHECK(parse_eviction(name_of(how)) == how);
  CHECK_FALSE(parse_eviction("LRU"));
  CHECK_FALSE(parse_eviction(""));
}

TEST_CASE("LFU counts beyond its ring of levels, and forgets what was popular once") {
  any_policy p(eviction::lfu, 3);
  std::array<policy_entry, 3000> e;
  p.admit(e[0]);
  for (int i = 0; i < 1000; ++i) p.use(e[0]);
  p.admit(e[1]);
  p.admit(e[2]);
  // Each newcomer is used once more than the age: the age climbs until it passes the old favourite.
  std::size_t survived = 0;
  for (std::size_t i = 3; i < e.size(); ++i) {
    policy_entry* const gone = p.evict(1);
    REQUIRE(gone != nullptr);
    if (gone == &e[0]) break;
    ++survived;
    p.admit(e[i]);
    p.use(e[i]);
  }
  CHECK(survived > 100);
  CHECK(survived < 1000);
}

TEST_CASE("S3-FIFO: one sweep does not wash out what is used, and a ghost comes back into the main queue") {
  s3_fifo_policy p(100);
  p.reserve(128);
  std::array<policy_entry, 1000> e;
  for (std::size_t i = 0; i < e.size(); ++i) e[i].hash = hash_of(static_cast<int>(i));
  for (std::size_t i = 0; i < 100; ++i) p.admit(e[i]);
  for (std::size_t i = 0; i < 50; ++i) {
    p.use(e[i]);
    p.use(e[i]);
  }
  std::set<policy_entry*> gone;
  for (std::size_t i = 100; i < e.size(); ++i) {
    policy_entry* const victim = p.evict(1);
    REQUIRE(victim != nullptr);
    gone.insert(victim);
    p.admit(e[i]);
  }
  for (std::size_t i = 0; i < 50; ++i) CHECK_FALSE(gone.contains(&e[i]));
  // The last to go left a ghost; it enters the main queue, where ten newer ones do not push it out.
  policy_entry* const ghost = p.evict(1);
  p.admit(*ghost);
  for (int i = 0; i < 10; ++i) CHECK(p.evict(1) != ghost);
}

TEST_CASE("W-TinyLFU admits what is asked for more often, and only that") {
  w_tinylfu_policy p(100);
  p.reserve(128);
  std::array<policy_entry, 200> e;
  for (std::size_t i = 0; i < e.size(); ++i) e[i].hash = hash_of(static_cast<int>(i));
  for (std::size_t i = 0; i < 100; ++i) {
    p.admit(e[i]);
    p.use(e[i]);
  }
  SECTION("newcomers go one after the other") {
    // The one in the window when it began is met by an entry as frequent, and goes too.
    std::set<policy_entry*> gone;
    for (std::size_t i = 100; i < 150; ++i) {
      gone.insert(p.evict(1));
      p.admit(e[i]);
    }
    for (std::size_t i = 0; i < 99; ++i) CHECK_FALSE(gone.contains(&e[i]));
  }
  SECTION("a newcomer that was asked for often stays") {
    for (int i = 0; i < 4; ++i) {
      policy_entry* const victim = p.evict(1);
      REQUIRE(victim != nullptr);
      p.admit(e[150]);
      p.remove(e[150]);
      p.admit(*victim);
    }
    p.evict(1);
    p.admit(e[150]);
    p.evict(1);
    p.admit(e[151]);
    CHECK(p.evict(1) != &e[150]);
  }
}
