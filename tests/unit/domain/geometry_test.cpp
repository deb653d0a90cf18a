#include "distsys/domain/geo/geometry.hpp"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "distsys/runtime/random.hpp"

using namespace distsys::domain::geo;

TEST_CASE("positions outside the world, and no numbers, are not valid") {
  CHECK(valid({-180, -90}));
  CHECK(valid({180, 90}));
  CHECK_FALSE(valid({180.0001, 0}));
  CHECK_FALSE(valid({0, 90.0001}));
  CHECK_FALSE(valid({std::numeric_limits<double>::quiet_NaN(), 0}));
  CHECK_FALSE(valid({0, std::numeric_limits<double>::infinity()}));
}

TEST_CASE("distances equal published ones and stay exact at the extremes") {
  // Half a meridian is pi R, one degree of it pi R / 180.
  const double half = M_PI * earth_radius_m;
  CHECK(distance_m({0, -90}, {123, 90}) == Approx(half).epsilon(1e-12));
  CHECK(distance_m({10, 20}, {-170, -20}) == Approx(half).epsilon(1e-9));  // antipodes
  CHECK(distance_m({0, 0}, {0, 1}) == Approx(half / 180).epsilon(1e-12));
  CHECK(distance_m({179.5, 0}, {-179.5, 0}) == Approx(half / 180).epsilon(1e-12));
  CHECK(distance_m({180, 12}, {-180, 12}) == Approx(0).margin(1e-6));
  // A centimetre is not lost: 1e-7 degrees of latitude are 1.11 cm.
  CHECK(distance_m({-70.66, -33.45}, {-70.66, -33.4500001}) == Approx(0.01112).epsilon(0.01));
  // Santiago to Valparaiso, by the haversine formula on the mean sphere.
  CHECK(distance_m({-70.6693, -33.4489}, {-71.6127, -33.0472}) == Approx(98'500).epsilon(0.01));
}

TEST_CASE("a box may cross the antimeridian, whose two names are one place") {
  const box pacific{170, -10, -170, 10};
  CHECK(contains(pacific, {175, 0}));
  CHECK(contains(pacific, {-175, 0}));
  CHECK(contains(pacific, {180, 0}));
  CHECK(contains(pacific, {-180, 0}));
  CHECK_FALSE(contains(pacific, {0, 0}));
  CHECK_FALSE(contains(pacific, {175, 10.1}));
  CHECK(contains(box{170, -1, 180, 1}, {-180, 0}));
  CHECK(contains(box{-180, -1, -170, 1}, {180, 0}));
  CHECK(contains(box{}, {12, 90}));
  CHECK(contains(box{5, 5, 5, 5}, {5, 5}));
}

TEST_CASE("area_test says of every position what matches says") {
  distsys::runtime::random dice(8);
  int inside = 0;
  for (int i = 0; i < 100'000; ++i) {
    const position center{dice.uniform(-180, 180), dice.chance(0.3) ? dice.uniform(85, 90) : dice.uniform(-90, 90)};
    const double spread = std::pow(10, dice.uniform(-5, 1));  // degrees: a metre to what is no small circle any more
    const position p{std::clamp(center.lon + dice.normal(0, spread), -180.0, 180.0),
                     std::clamp(center.lat + dice.normal(0, spread), -90.0, 90.0)};
    // Most of them on the edge: within rounding, or as near as chords can tell.
    const double near = dice.chance(0.5) ? 1e-12 : 2e-4;
    const double away = distance_m(center, p) * (dice.chance(0.7) ? 1 + dice.uniform(-near, near) : dice.uniform(0, 2));
    const area where = dice.chance(0.9) ? area(circle{center, away}) : area(box{-10, -10, 170, 60});
    INFO(center.lon << " " << center.lat << " r " << away << " p " << p.lon << " " << p.lat);
    REQUIRE(area_test(where)(p) == matches(where, p));
    inside += matches(where, p) ? 1 : 0;
  }
  CHECK(inside > 25'000);
}

TEST_CASE("the bounds of a circle hold all of it") {
  distsys::runtime::random dice(7);
  for (int i = 0; i < 20'000; ++i) {
    const circle c{{dice.uniform(-180, 180), dice.chance(0.3) ? dice.uniform(85, 90) : dice.uniform(-90, 90)},
                   std::exp(dice.uniform(0, std::log(2.1e7)))};
    const position p{dice.uniform(-180, 180), dice.uniform(-90, 90)};
    if (!contains(c, p)) continue;
    bool held = false;
    for (const box& b : bounds(c)) held = held || contains(b, p);
    INFO(c.center.lon << " " << c.center.lat << " r " << c.radius_m << " p " << p.lon << " " << p.lat);
    REQUIRE(held);
  }
  const auto polar = bounds({{33, 89.9}, 50'000});
  REQUIRE(polar.size() == 1);
  CHECK(polar[0].west == -180);
  CHECK(polar[0].east == 180);
  CHECK(polar[0].north == 90);
}
