#include "roles/cache/answer_cache.hpp"

#include "distsys/runtime/runtime.hpp"

#include <boost/asio/post.hpp>
#include <catch2/catch.hpp>

#include <atomic>
#include <string>
#include <thread>

using namespace distsys;
using namespace distsys::roles::cache;
using namespace std::chrono_literals;
namespace geo = distsys::domain::geo;

namespace {

const time_point start{1000s};
const geo::circle santiago{{-70.66, -33.45}, 5000};

shared_answer make(std::string key, geo::area where, std::size_t bytes = 100, std::vector<std::string> sources = {}) {
  auto a = std::make_shared<answer>();
  a->key = std::move(key);
  a->where = where;
  a->sources = std::move(sources);
  a->body.assign(bytes, 'x');
  a->filled = start;
  a->expires = start + 1s;
  return a;
}

touch at(geo::position p, std::string source = "sim") { return {std::move(source), p, std::nullopt}; }

bool keep(answer_cache& c, const shared_answer& a) { return c.fill(c.begin_fill(), a); }

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

TEST_CASE("an answer is found until its time is over") {
  answer_cache c(1 << 20, 1s, 1);
  REQUIRE(keep(c, make("a", santiago)));
  CHECK(c.find("a", start));
  CHECK(c.find("a", start + 999ms));
  CHECK_FALSE(c.find("a", start + 1s));
  CHECK_FALSE(c.find("b", start));
}

TEST_CASE("a change drops the answers that it touches, and no others") {
  answer_cache c(1 << 20, 1s, 1);
  for (const auto& a :
       {make("circle", santiago), make("box", geo::box{170, -10, -170, 10}), make("near", geo::nearest{{0, 0}, 3}),
        make("all", geo::everywhere{}), make("usgs", geo::everywhere{}, 100, {"usgs"})}) {
    REQUIRE(keep(c, a));
  }
  SECTION("inside the circle") {
    const touch t[] = {at({-70.65, -33.45})};
    c.apply(t);
    CHECK_FALSE(c.find("circle", start));
    CHECK(c.find("box", start));
  }
  SECTION("across the antimeridian") {
    const touch t[] = {at({-179, 1})};
    c.apply(t);
    CHECK(c.find("circle", start));
    CHECK_FALSE(c.find("box", start));
  }
  SECTION("away from where it was") {
    const touch t[] = {{"sim", {10, 10}, geo::position{-70.66, -33.44}}};
    c.apply(t);
    CHECK_FALSE(c.find("circle", start));
  }
  SECTION("of another source") {
    const touch t[] = {at({0, 0}, "usgs")};
    c.apply(t);
    CHECK_FALSE(c.find("usgs", start));
  }
  if (c.find("circle", start)) CHECK_FALSE(c.find("near", start));
  CHECK_FALSE(c.find("all", start));
  CHECK(c.dropped() >= 2);
}

TEST_CASE("a fill that raced with a change loses") {
  answer_cache c(1 << 20, 1s, 1);
  const std::uint64_t begun = c.begin_fill();
  SECTION("of its area") {
    const touch t[] = {at({-70.66, -33.45})};
    c.apply(t);
    CHECK_FALSE(c.fill(begun, make("a", santiago)));
    CHECK_FALSE(c.find("a", start));
    CHECK(keep(c, make("a", santiago)));
  }
  SECTION("but not with one elsewhere") {
    const touch t[] = {at({10, 10})};
    c.apply(t);
    CHECK(c.fill(begun, make("a", santiago)));
  }
  SECTION("of so many changes that they are not remembered") {
    const std::vector<touch> many(10'000, at({10, 10}));
    c.apply(many);
    CHECK_FALSE(c.fill(begun, make("a", santiago)));
    CHECK(keep(c, make("a", santiago)));
  }
  SECTION("with everything dropped") {
    c.clear();
    CHECK_FALSE(c.fill(begun, make("a", santiago)));
    CHECK(keep(c, make("a", santiago)));
  }
}

TEST_CASE("from the announcement of a change to its application nothing is found") {
  answer_cache c(1 << 20, 1s, 1);
  REQUIRE(keep(c, make("a", santiago)));
  const std::uint64_t epoch = c.epoch();
  c.announce();
  CHECK(c.epoch() != epoch);
  CHECK_FALSE(c.find("a", start));
  c.settle();
  CHECK(c.find("a", start));
}

TEST_CASE("more answers and changes than can be compared drop everything") {
  answer_cache c(8 << 20, 1s, 1);
  for (int i = 0; i < 1000; ++i) REQUIRE(keep(c, make("a" + std::to_string(i), santiago)));
  const std::vector<touch> many(500, at({10, 10}));
  c.apply(many);
  CHECK(c.totals().entries == 0);
}

TEST_CASE("memory is bounded, and an answer over a part's share is not kept") {
  answer_cache c(1 << 20, 1s, 1);
  for (int i = 0; i < 1000; ++i) keep(c, make("a" + std::to_string(i), santiago, 10'000));
  CHECK(c.totals().bytes <= 1u << 20);
  CHECK(c.totals().statistics.evictions > 0);
  CHECK_FALSE(keep(c, make("big", santiago, 1 << 20)));
  answer_cache none(1 << 20, 0s, 1);
  CHECK_FALSE(keep(none, make("a", santiago)));
}

TEST_CASE("a loop finds an answer by the query as it was spelled") {
  on_a_loop([] {
    answer_cache c(1 << 20, 1s, 1);
    shared_answer a = make("a", santiago);
    REQUIRE(keep(c, a));
    CHECK_FALSE(c.find_spelling("lat=1", start));
    c.remember_spelling("lat=1", a);
    CHECK(c.find_spelling("lat=1", start) == a);
    CHECK_FALSE(c.find_spelling("lat=1", start + 1s));
    c.remember_spelling("lat=1", a);
    SECTION("not after a change has dropped it") {
      const touch t[] = {at({-70.66, -33.45})};
      c.apply(t);
      CHECK_FALSE(c.find_spelling("lat=1", start));
    }
    SECTION("not while a change is announced") {
      c.announce();
      CHECK_FALSE(c.find_spelling("lat=1", start));
    }
    SECTION("not after it was evicted: a front owns nothing") {
      const std::weak_ptr<const answer> held = a;
      a.reset();
      c.clear();
      CHECK(held.expired());
      CHECK_FALSE(c.find_spelling("lat=1", start));
    }
  });
}

TEST_CASE("fills and changes from several threads leave nothing stale behind") {
  answer_cache c(1 << 20, 1s, 1);
  std::atomic<int> version{0};
  std::atomic<bool> stop{false};
  std::vector<std::thread> fillers;
  for (int t = 0; t < 3; ++t) {
    fillers.emplace_back([&] {
      while (!stop) {
        const std::uint64_t begun = c.begin_fill();
        auto a = std::make_shared<answer>();
        a->key = "a";
        a->where = santiago;
        a->body = std::to_string(version.load());  // what the database says
        a->expires = start + 1s;
        c.fill(begun, a);
      }
    });
  }
  const touch t[] = {at({-70.66, -33.45})};
  int stale = 0;
  for (int i = 1; i <= 2000; ++i) {
    version.store(i);  // committed
    c.apply(t);
    const shared_answer found = c.find("a", start);
    if (found && std::stoi(found->body) < i) ++stale;
  }
  stop = true;
  for (std::thread& f : fillers) f.join();
  CHECK(stale == 0);
}
