#include "distsys/domain/geo/cell.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>

#include "distsys/runtime/random.hpp"

using namespace distsys::domain::geo;

namespace {

bool held(const std::vector<cell_range>& ranges, cell_id c) {
  return std::any_of(ranges.begin(), ranges.end(), [&](const auto& r) { return r.first <= c && c <= r.last; });
}

void check_form(const std::vector<cell_range>& ranges, std::size_t max_ranges) {
  REQUIRE(!ranges.empty());
  REQUIRE(ranges.size() <= max_ranges);
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    REQUIRE(ranges[i].first >= 0);
    REQUIRE(ranges[i].first <= ranges[i].last);
    if (i > 0) REQUIRE(ranges[i].first > ranges[i - 1].last + 1);
  }
}

/// Near the edges of the world more often than chance would have it.
double longitude(distsys::runtime::random& dice) {
  const double edge[] = {-180, 180, 0, 179.9999999, -179.9999999};
  return dice.chance(0.3) ? edge[dice.below(5)] : dice.uniform(-180, 180);
}
double latitude(distsys::runtime::random& dice) {
  const double edge[] = {-90, 90, 0, 89.9999999, -89.9999999};
  return dice.chance(0.3) ? edge[dice.below(5)] : dice.uniform(-90, 90);
}

}  // namespace

TEST_CASE("cell ids interleave longitude and latitude over 62 bits") {
  CHECK(cell_of({-180, -90}) == 0);
  CHECK(cell_of({-180, 90}) == 0x1555555555555555);
  CHECK(cell_of({179.99999999, 90}) == 0x3fffffffffffffff);
  CHECK(cell_of({0, 0}) == 0x3000000000000000);
  CHECK(cell_of({180, 12}) == cell_of({-180, 12}));
  CHECK(everything() == std::vector<cell_range>{{0, 0x3fffffffffffffff}});
}

TEST_CASE("the middle of a cell is next to every position in it") {
  distsys::runtime::random dice(3);
  for (int i = 0; i < 10'000; ++i) {
    const position p{longitude(dice), latitude(dice)};
    const position middle = center_of(cell_of(p));
    REQUIRE(distance_m(p, middle) < 0.0112);
    REQUIRE(cell_of(middle) == cell_of(p));
  }
}

TEST_CASE("covers lose no position and keep their form") {
  distsys::runtime::random dice(42);
  for (int i = 0; i < 20'000; ++i) {
    const std::size_t limit = 1 + dice.below(24);
    const circle c{{longitude(dice), latitude(dice)}, std::exp(dice.uniform(-2, std::log(2.1e7)))};
    const auto round = cover(c, limit);
    check_form(round, limit);
    box b{longitude(dice), latitude(dice), longitude(dice), latitude(dice)};
    if (b.south > b.north) std::swap(b.south, b.north);
    const auto square = cover(b, limit);
    check_form(square, limit);
    for (int k = 0; k < 5; ++k) {
      const position p{longitude(dice), latitude(dice)};
      INFO(p.lon << " " << p.lat);
      if (contains(c, p)) REQUIRE(held(round, cell_of(p)));
      if (contains(b, p)) REQUIRE(held(square, cell_of(p)));
    }
    REQUIRE(held(round, cell_of(c.center)));
    REQUIRE(held(square, cell_of({b.west, b.south})));
    REQUIRE(held(square, cell_of({b.east, b.north})));
  }
}

TEST_CASE("covers are tight enough to be range scans") {
  // 5 km in Santiago: the ranges hold at most four times the box around the circle.
  const circle c{{-70.66, -33.45}, 5'000};
  double ids = 0;
  for (const auto& r : cover(c)) ids += static_cast<double>(r.last - r.first + 1);
  const box b = bounds(c).at(0);
  const double share = (b.east - b.west) / 360 * ((b.north - b.south) / 180);
  CHECK(ids / std::pow(2.0, 62) < 4 * share);
  CHECK(cover(box{}).size() == 1);
  CHECK(cover(box{0, 10, 5, 5}).empty());  // south of its own south: nothing
}
