#include "distsys/domain/geo/quad.hpp"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cmath>
#include <set>

#include "distsys/runtime/random.hpp"

using namespace distsys::domain::geo;
namespace runtime = distsys::runtime;

namespace {

double longitude(runtime::random& dice) {
  const double edge[] = {-180, 180, 0, 179.9999999, -179.9999999, 1e-15, -1e-15, 90};
  return dice.chance(0.3) ? edge[dice.below(8)] : dice.uniform(-180, 180);
}
double latitude(runtime::random& dice) {
  const double edge[] = {-90, 90, 0, 89.9999999, -89.9999999, 1e-15, -1e-15, 45};
  return dice.chance(0.3) ? edge[dice.below(8)] : dice.uniform(-90, 90);
}
position anywhere(runtime::random& dice) { return {longitude(dice), latitude(dice)}; }

double wrapped(double lon) { return lon > 180 ? lon - 360 : lon < -180 ? lon + 360 : lon; }

polygon star(runtime::random& dice, const position& center, double reach) {
  polygon p;
  const std::size_t corners = 3 + dice.below(10);
  for (std::size_t i = 0; i < corners; ++i) {
    const double angle = 6.2831853 * static_cast<double>(i) / static_cast<double>(corners),
                 r = dice.uniform(0.1, reach);
    p.ring.push_back(
        {wrapped(center.lon + r * std::cos(angle)), std::clamp(center.lat + r * std::sin(angle), -90.0, 90.0)});
  }
  return p;
}

area drawn(runtime::random& dice) {
  switch (dice.below(4)) {
    case 0:
      return circle{anywhere(dice), std::exp(dice.uniform(-2, std::log(2.1e7)))};
    case 1: {
      box b{longitude(dice), latitude(dice), longitude(dice), latitude(dice)};
      if (b.south > b.north) std::swap(b.south, b.north);
      return b;
    }
    case 2: {
      const position a = anywhere(dice);
      const double w = dice.exponential(2), h = dice.exponential(2);
      return box{a.lon, std::max(-90.0, a.lat - h), wrapped(a.lon + w), std::min(90.0, a.lat + h)};
    }
    default:
      return star(dice, anywhere(dice), std::exp(dice.uniform(-6, 4.5)));
  }
}

/// A position of the quad: often its corners, and the last doubles before its far edges.
position inside(runtime::random& dice, const quad& q) {
  const box b = q.bounds();
  const auto pick = [&](double low, double high) {
    const double last = std::nextafter(high, -1000);
    switch (dice.below(4)) {
      case 0:
        return low;
      case 1:
        return last;
      default:
        return std::clamp(dice.uniform(low, high), low, last);
    }
  };
  position p{pick(b.west, b.east), pick(b.south, b.north)};
  if (b.north == 90 && dice.chance(0.2)) p.lat = 90;
  if (b.west == -180 && dice.chance(0.2)) p.lon = 180;
  return p;
}

}  // namespace

TEST_CASE("a quad's codes, names, ranges and bounds are one another's") {
  runtime::random dice(7);
  CHECK(quad().name() == "w");
  CHECK(quad().range() == everything().front());
  for (int i = 0; i < 20'000; ++i) {
    const position p = anywhere(dice);
    const auto level = static_cast<unsigned>(dice.below(quad::deepest + 1));
    const quad q = quad::of(cell_of(p), level);
    REQUIRE(q.level() == level);
    REQUIRE(q.contains(cell_of(p)));
    REQUIRE(quad::from_code(q.code()) == q);
    REQUIRE(quad::parse(q.name()) == q);
    REQUIRE(q.name().size() == level + 1);
    REQUIRE(q.range().first <= cell_of(p));
    REQUIRE(q.range().last >= cell_of(p));
    const position in = inside(dice, q);
    INFO(q.name() << " " << in.lon << " " << in.lat);
    REQUIRE(q.contains(cell_of(in)));
    REQUIRE(q.parent().contains(q));
    REQUIRE(q.ancestor(0) == quad());
    if (level < quad::deepest) {
      const auto c = q.children();
      REQUIRE(std::is_sorted(c.begin(), c.end()));
      REQUIRE(c[0].range().first == q.range().first);
      REQUIRE(c[3].range().last == q.range().last);
      REQUIRE(std::count_if(c.begin(), c.end(), [&](const quad& child) { return child.contains(cell_of(p)); }) == 1);
      REQUIRE((c[dice.below(4)].parent() == q));
    }
    const box b = q.bounds();
    const double out_lon = std::nextafter(b.west, -1000), out_lat = std::nextafter(b.south, -1000);
    if (b.west > -180) REQUIRE_FALSE(q.contains(cell_of({out_lon, in.lat})));
    if (b.south > -90) REQUIRE_FALSE(q.contains(cell_of({in.lon, out_lat})));
    if (b.east < 180) REQUIRE_FALSE(q.contains(cell_of({b.east, in.lat})));
  }
  for (const auto* wrong : {"", "x", "w4", "ww", "w 1", "0123", "w00000000000000000000000000000000"})
    CHECK_FALSE(quad::parse(wrong).has_value());
  for (const std::uint64_t wrong : {std::uint64_t{0}, std::uint64_t{2}, std::uint64_t{3}, ~std::uint64_t{0}})
    CHECK_FALSE(quad::from_code(wrong).has_value());
}

TEST_CASE("compare is never wrong about none and whole") {
  runtime::random dice(11);
  int none = 0, whole = 0;
  for (int i = 0; i < 20'000; ++i) {
    const area a = drawn(dice);
    // Quads near the area, else most were none.
    position near = anywhere(dice);
    if (const auto* c = std::get_if<circle>(&a); c && dice.chance(0.7)) near = c->center;
    if (const auto* p = std::get_if<polygon>(&a); p && dice.chance(0.7)) near = p->ring[0];
    if (const auto* b = std::get_if<box>(&a); b && dice.chance(0.7)) near = {b->east, b->north};
    const quad q = quad::of(cell_of(near), static_cast<unsigned>(dice.below(20)));
    const overlap how = compare(a, q);
    REQUIRE(touches(a, q) == (how != overlap::none));
    none += how == overlap::none ? 1 : 0;
    whole += how == overlap::whole ? 1 : 0;
    for (int k = 0; k < 10; ++k) {
      const position p = inside(dice, q);
      INFO(i << " area " << a.index() << " quad " << q.name() << " " << p.lon << " " << p.lat);
      if (how == overlap::none) REQUIRE_FALSE(matches(a, p));
      if (how == overlap::whole) REQUIRE(matches(a, p));
    }
  }
  CHECK(none > 2000);
  CHECK(whole > 1000);
  CHECK(compare(everywhere{}, quad()) == overlap::whole);
  CHECK(compare(nearest{}, quad()) == overlap::whole);
  // Boxes that are whole quads are known to be.
  const quad q = quad::of(cell_of({-70.66, -33.45}), 12);
  CHECK(compare(q.bounds(), q) == overlap::whole);
}

TEST_CASE("cover_quads is few quads of one level that hold every position") {
  runtime::random dice(13);
  std::size_t most_seen = 0;
  for (int i = 0; i < 20'000; ++i) {
    const area a = drawn(dice);
    const std::size_t most = 4 + dice.below(61);
    const auto quads = cover_quads(a, most);
    REQUIRE(quads.size() <= most);
    most_seen = std::max(most_seen, quads.size());
    REQUIRE(std::is_sorted(quads.begin(), quads.end()));
    REQUIRE(std::set<quad>(quads.begin(), quads.end()).size() == quads.size());
    for (const quad& q : quads) REQUIRE(q.level() == cover_level(a, most));
    for (int k = 0; k < 10; ++k) {
      position p = anywhere(dice);
      if (const auto* c = std::get_if<circle>(&a); c && k == 0) p = c->center;
      if (const auto* s = std::get_if<polygon>(&a); s && k < 3) p = s->ring[static_cast<std::size_t>(k)];
      if (!matches(a, p)) continue;
      INFO(i << " area " << a.index() << " " << p.lon << " " << p.lat);
      REQUIRE(std::any_of(quads.begin(), quads.end(), [&](const quad& q) { return q.contains(cell_of(p)); }));
    }
  }
  CHECK(most_seen > 40);
  CHECK(cover_quads(everywhere{}) == std::vector<quad>{quad()});
  CHECK(cover_quads(nearest{}) == std::vector<quad>{quad()});
  CHECK(cover_quads(circle{{10, 10}, 0}, 16, 20).at(0).level() == 20);
}

TEST_CASE("areas of one size share the level of their quads") {
  runtime::random dice(17);
  const unsigned level = cover_level(box{-70.7, -33.5, -70.6, -33.4});
  for (int i = 0; i < 1000; ++i) {
    const double lon = dice.uniform(-179, 179), lat = dice.uniform(-89, 89);
    REQUIRE(cover_level(box{lon, lat, lon + 0.0999, lat + 0.0999}) == level);
  }
}

TEST_CASE("a polygon holds what a ray says, over the antimeridian too") {
  const polygon square{{{170, -10}, {-170, -10}, {-170, 10}, {170, 10}, {170, -10}}};
  CHECK(valid(square));
  for (const position in : {position{180, 0}, {-180, 0}, {175, 9.9}, {-170, 10}, {170, -10}, {-175, -10}})
    CHECK(contains(square, in));
  for (const position out : {position{169.999, 0}, {-169.999, 0}, {0, 0}, {180, 10.001}})
    CHECK_FALSE(contains(square, out));
  const auto b = bounds(square);
  REQUIRE(b.size() == 2);
  const polygon hollow{{{0, 0}, {10, 0}, {10, 10}, {5, 1}, {0, 10}}};
  CHECK(contains(hollow, {1, 5}));
  CHECK(contains(hollow, {9, 5}));
  CHECK_FALSE(contains(hollow, {5, 5}));
  CHECK_FALSE(valid(polygon{{{0, 0}, {1, 1}}}));
  CHECK_FALSE(valid(polygon{{{0, 0}, {1, 1}, {0, 0}}}));
  CHECK_FALSE(valid(polygon{{{0, 0}, {1, 1}, {200, 0}}}));
  CHECK_FALSE(valid(polygon{{{-120, 80}, {0, 80}, {120, 80}}}));  // around the pole
  CHECK_FALSE(valid(polygon{std::vector<position>(1002, position{1, 1})}));
  // A rectangle is the box.
  runtime::random dice(19);
  for (int i = 0; i < 20'000; ++i) {
    box r{dice.uniform(-180, 180), dice.uniform(-90, 90), 0, 0};
    r.east = wrapped(r.west + dice.uniform(0, 170));
    r.north = std::min(90.0, r.south + dice.exponential(20));
    const polygon p{{{r.west, r.south}, {r.east, r.south}, {r.east, r.north}, {r.west, r.north}}};
    const position at = dice.chance(0.5) ? anywhere(dice) : position{wrapped(r.west + 1), r.south};
    INFO(r.west << " " << r.south << " " << r.east << " " << r.north << " at " << at.lon << " " << at.lat);
    REQUIRE(contains(p, at) == contains(r, at));
  }
}

TEST_CASE("covers of polygons lose no position") {
  runtime::random dice(23);
  for (int i = 0; i < 3000; ++i) {
    const position middle = anywhere(dice);
    const polygon p = star(dice, middle, std::exp(dice.uniform(-6, 4.5)));
    if (!valid(p)) continue;
    const auto ranges = cover(p, 16);
    REQUIRE(ranges.size() <= 16);
    const auto boxes = bounds(p);
    for (int k = 0; k < 20; ++k) {
      const position at{wrapped(middle.lon + dice.normal(0, 1)),
                        std::clamp(middle.lat + dice.normal(0, 1), -90.0, 90.0)};
      if (!contains(p, at)) continue;
      REQUIRE(std::any_of(ranges.begin(), ranges.end(),
                          [&](const cell_range& r) { return r.first <= cell_of(at) && cell_of(at) <= r.last; }));
      REQUIRE(std::any_of(boxes.begin(), boxes.end(), [&](const box& b) { return contains(b, at); }));
    }
  }
}
