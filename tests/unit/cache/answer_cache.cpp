#include "roles/cache/answer_cache.hpp"

#include "distsys/runtime/runtime.hpp"

#include <boost/asio/post.hpp>
#include <catch2/catch.hpp>

#include <atomic>
#include <string>
#include <thread>
#include <vector>

using namespace distsys;
using namespace distsys::roles::cache;
using namespace std::chrono_literals;
namespace geo = distsys::domain::geo;

namespace {

const time_point start{1000s};
const geo::position santiago{-70.66, -33.45}, elsewhere{10, 10};

std::shared_ptr<answer> make(slot_table& slots, std::string key, geo::position at = santiago, std::size_t bytes = 100) {
  auto a = std::make_shared<answer>();
  a->key = std::move(key);
  a->watch = slots.take(geo::quad::of(geo::cell_of(at), 10));
  a->body.assign(bytes, 'x');
  a->filled = start;
  a->renew = a->expires = start + 1s;
  return a;
}

/// Runs `work` on a loop of the runtime, where the fronts are.
template <class Work>
void on_a_loop(Work work) {
  runtime::runtime loops(1);
  boost::asio::post(loops.loop(0), [&] {
    work();
    loops.stop();
  });
  loops.run();
}

}  // namespace

TEST_CASE("an answer is found until its time is over, and stale for a while longer") {
  slot_table slots;
  answer_cache c(1 << 20, 10s, 1);
  REQUIRE(c.keep(make(slots, "a"), start));
  CHECK(c.find("a", start));
  CHECK(c.find("a", start + 999ms));
  CHECK_FALSE(c.find("a", start + 1s));
  CHECK_FALSE(c.find("b", start));
  CHECK(c.find_stale("a", start + 10s));
  CHECK_FALSE(c.find_stale("a", start + 11s));
  CHECK_FALSE(c.keep(make(slots, "late"), start + 1s));
}

TEST_CASE("an answer ends with the first of its events that expires") {
  slot_table slots;
  runtime::manual_clock clock(runtime::timestamp(1'000'000ms));
  const auto a = make(slots, "a");
  a->next_expiry = 1'000'500;
  answer_cache c(1 << 20, 10s, 1);
  REQUIRE(c.keep(a, start));
  clock.advance(499ms);
  CHECK(c.find("a", start));
  clock.advance(1ms);
  CHECK_FALSE(c.find("a", start));
  CHECK_FALSE(c.find_stale("a", start));
}

TEST_CASE("a change drops the answers that it touches, and no others") {
  slot_table slots;
  answer_cache c(1 << 20, 10s, 1);
  REQUIRE(c.keep(make(slots, "here"), start));
  REQUIRE(c.keep(make(slots, "there", elsewhere), start));
  slots.touch(santiago);
  CHECK_FALSE(c.find("here", start));
  CHECK_FALSE(c.find_stale("here", start));
  CHECK(c.find("there", start));
  CHECK(c.dropped() == 1);
}

TEST_CASE("a fill that raced with a change loses") {
  slot_table slots;
  answer_cache c(1 << 20, 10s, 1);
  const shared_answer reading = make(slots, "a");
  SECTION("of its area") {
    slots.touch(santiago);
    CHECK_FALSE(c.keep(reading, start));
    CHECK_FALSE(c.find("a", start));
    CHECK(c.keep(make(slots, "a"), start));
  }
  SECTION("but not with one elsewhere") {
    slots.touch(elsewhere);
    CHECK(c.keep(reading, start));
  }
  SECTION("with everything forgotten") {
    slots.clear();
    CHECK_FALSE(c.keep(reading, start));
  }
}

TEST_CASE("what is not true any more is swept") {
  slot_table slots;
  answer_cache c(1 << 20, 10s, 1);
  for (int i = 0; i < 10; ++i)
    REQUIRE(c.keep(make(slots, "a" + std::to_string(i), i < 4 ? santiago : elsewhere), start));
  slots.touch(santiago);
  CHECK(c.sweep() == 4);
  CHECK(c.totals().entries == 6);
}

TEST_CASE("memory is bounded, and an answer over a part's share is not kept") {
  slot_table slots;
  answer_cache c(1 << 20, 10s, 1);
  for (int i = 0; i < 1000; ++i) c.keep(make(slots, "a" + std::to_string(i), santiago, 10'000), start);
  CHECK(c.totals().bytes <= 1u << 20);
  CHECK(c.totals().statistics.evictions > 0);
  CHECK_FALSE(c.keep(make(slots, "big", santiago, 1 << 20), start));
}

TEST_CASE("a loop finds an answer by the query as it was spelled") {
  on_a_loop([] {
    slot_table slots;
    answer_cache c(1 << 20, 10s, 1);
    shared_answer a = make(slots, "a");
    REQUIRE(c.keep(a, start));
    CHECK_FALSE(c.find_spelling("lat=1", start));
    c.remember_spelling("lat=1", a);
    CHECK(c.find_spelling("lat=1", start) == a);
    CHECK_FALSE(c.find_spelling("lat=1", start + 1s));
    c.remember_spelling("lat=1", a);
    SECTION("not after a change has touched it") {
      slots.touch(santiago);
      CHECK_FALSE(c.find_spelling("lat=1", start));
    }
    SECTION("not after it was evicted: a front owns nothing") {
      const std::weak_ptr<const answer> held = a;
      a.reset();
      slots.clear();
      c.sweep();
      CHECK(held.expired());
      CHECK_FALSE(c.find_spelling("lat=1", start));
    }
  });
}

TEST_CASE("fills and changes from several threads leave nothing stale behind") {
  slot_table slots;
  answer_cache c(1 << 20, 10s, 1);
  std::atomic<int> version{0};
  std::atomic<bool> stop{false};
  std::vector<std::thread> fillers;
  for (int t = 0; t < 3; ++t) {
    fillers.emplace_back([&] {
      while (!stop) {
        auto a = std::make_shared<answer>();
        a->key = "a";
        a->watch = slots.take(geo::quad::of(geo::cell_of(santiago), 10));
        a->body = std::to_string(version.load());  // what the database says
        a->renew = a->expires = start + 1s;
        c.keep(a, start);
      }
    });
  }
  int stale = 0;
  for (int i = 1; i <= 2000; ++i) {
    version.store(i);  // committed
    slots.touch(santiago);
    const shared_answer found = c.find("a", start);
    if (found && std::stoi(found->body) < i) ++stale;
  }
  stop = true;
  for (std::thread& f : fillers) f.join();
  CHECK(stale == 0);
}
