// The end of the change log in memory: what it says of a quad that somebody else has read.
#include "roles/cache/recent_touches.hpp"

#include "distsys/runtime/random.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>

namespace distsys::roles::cache {

namespace {

namespace geo = domain::geo;
using question = recent_touches::question;

constexpr geo::position here{10.1, 50.1}, there{-70.6, -33.4};

geo::quad quad_at(const geo::position& p, unsigned level = 10) { return geo::quad::of(geo::cell_of(p), level); }

void add(recent_touches& t, std::int64_t sequence, const geo::position& at,
         std::optional<geo::position> previous = {}) {
  const geo::change_touch touch{sequence, at, previous};
  t.add(std::span(&touch, 1));
}

bool holds(const recent_touches& t, const geo::quad& q, std::int64_t sequence) {
  const question asked{q, sequence};
  return t.untouched(std::span(&asked, 1)).front();
}

}  // namespace

TEST_CASE("a quad holds until a later change touches it") {
  recent_touches t;
  t.begin_at(100);
  CHECK(holds(t, quad_at(here), 100));
  add(t, 101, there);
  add(t, 102, here);
  CHECK(holds(t, quad_at(there), 101));
  CHECK(!holds(t, quad_at(there), 100));
  CHECK(!holds(t, quad_at(here), 101));
  CHECK(holds(t, quad_at(here), 102));
  CHECK(!holds(t, geo::quad(), 101));  // the world
}

TEST_CASE("a move touches where it was, too") {
  recent_touches t;
  t.begin_at(0);
  add(t, 1, here, there);
  CHECK(!holds(t, quad_at(here), 0));
  CHECK(!holds(t, quad_at(there), 0));
}

TEST_CASE("what was read before everything that is known, or after it") {
  recent_touches t;
  t.begin_at(100);
  CHECK(!holds(t, quad_at(here), 99));
  CHECK(!holds(t, quad_at(here), 1000));  // of a process that has read further, or of a log that is no more
}

TEST_CASE("a gap in the log makes what lies before it unknown") {
  recent_touches t;
  t.begin_at(100);
  add(t, 101, there);
  add(t, 103, there);
  CHECK(t.floor() == 102);
  CHECK(!holds(t, quad_at(here), 101));
  CHECK(holds(t, quad_at(here), 102));
}

TEST_CASE("it forgets the oldest beyond its capacity, and knows that it has") {
  recent_touches t(3);
  t.begin_at(0);
  for (std::int64_t n = 1; n <= 5; ++n) add(t, n, there);
  CHECK(t.floor() == 2);
  CHECK(!holds(t, quad_at(here), 1));
  CHECK(holds(t, quad_at(here), 2));
  CHECK(!holds(t, quad_at(there), 4));
  CHECK(holds(t, quad_at(there), 5));
}

TEST_CASE("many quads at once are judged as each alone would be") {
  runtime::random random(7);
  const auto anywhere = [&] { return geo::position{random.uniform(-1, 1), random.uniform(-1, 1)}; };
  recent_touches t(500);
  t.begin_at(0);
  std::vector<geo::change_touch> log;
  for (std::int64_t n = 1; n <= 800; ++n) {
    log.push_back({n, anywhere(), random.chance(0.3) ? std::optional(anywhere()) : std::nullopt});
    add(t, n, log.back().at, log.back().previous);
  }
  std::vector<question> asked;
  for (int i = 0; i < 64; ++i) {
    const question q{quad_at(anywhere(), 12), static_cast<std::int64_t>(random.below(900))};
    if (std::ranges::none_of(asked, [&](const auto& other) { return other.where == q.where; })) asked.push_back(q);
  }
  const auto all = t.untouched(asked);
  for (std::size_t i = 0; i < asked.size(); ++i) {
    const auto& q = asked[i];
    const bool touched = std::ranges::any_of(log, [&](const auto& c) {
      return c.sequence > q.sequence &&
             (q.where.contains(geo::cell_of(c.at)) || (c.previous && q.where.contains(geo::cell_of(*c.previous))));
    });
    CHECK(all[i] == (q.sequence >= t.floor() && q.sequence <= 800 && !touched));
  }
}

}  // namespace distsys::roles::cache
