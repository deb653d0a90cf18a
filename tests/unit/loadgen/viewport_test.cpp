// What is asked next: users who look about, and keys.
#include "roles/loadgen/request_source.hpp"

#include "tests/support/catch.hpp"

#include <cmath>
#include <cstdio>
#include <map>
#include <string>

namespace distsys::roles::loadgen {
namespace {

TEST_CASE("a user pans by less than the view, zooms by two, and stays on the map") {
  runtime::random r(6);
  viewport v({2, 16});
  v.jump(-33.4, 179.99, r);
  int panned = 0, zoomed = 0, jumped = 0;
  double west = 0, south = 0, east = 0, north = 0;
  for (int i = 0; i < 20'000; ++i) {
    const auto [lat, lon] = v.centre();
    const double half = v.half_height_km();
    const auto did = v.step(r);
    const double moved = std::hypot((v.centre().first - lat) * 111.195, std::remainder(v.centre().second - lon, 360) *
                                                                            111.195 * std::cos(lat * 3.14159265 / 180));
    if (did == viewport::move::panned) {
      ++panned;
      REQUIRE(moved <= 1.6 * half);
    } else {
      REQUIRE(moved < 1e-9);
    }
    zoomed += did == viewport::move::zoomed;
    if (did == viewport::move::jumps) {
      ++jumped;
      v.jump(r.uniform(-90, 90), r.uniform(-180, 180), r);
    }
    REQUIRE(v.half_height_km() >= 2);
    REQUIRE(v.half_height_km() <= 16);
    std::string box;
    v.append_box(box);
    REQUIRE(std::sscanf(box.c_str(), "%lf,%lf,%lf,%lf", &west, &south, &east, &north) == 4);
    REQUIRE(std::abs(west) <= 180);
    REQUIRE(std::abs(east) <= 180);
    REQUIRE(south < north);
    REQUIRE(std::abs(south) <= 90);
    REQUIRE(std::abs(north) <= 90);
  }
  CHECK(panned > 12'000);
  CHECK(zoomed > 3000);
  CHECK(jumped > 700);
}

plan keyed(const char* url) {
  plan p;
  REQUIRE(add_url(p, url));
  p.keyed = true;
  p.keys.count = 1000;
  make_requests(p);
  return p;
}

std::string target(std::string_view request) {
  const auto begin = request.find(' ') + 1;
  return std::string(request.substr(begin, request.find(' ', begin) - begin));
}

TEST_CASE("nine requests in ten go to a hot tenth of the keys, which moves") {
  auto p = keyed("http://a/{key}");
  p.keys.hot_spot = true;
  const runtime::key_sampler unused(runtime::key_distribution::uniform, 1000, 1);
  request_source source(p, p.origins[0], unused, 0);
  runtime::random r(2);
  for (const std::uint64_t begin : {0ULL, 50'000ULL, 95'000ULL}) {  // hot: 0…, 500…, 950… and on from 0
    int hot = 0;
    for (std::uint64_t i = 0; i < 100; ++i) {
      const auto k = std::stoull(target(source.next(begin + i, r)).substr(1));
      REQUIRE(k < 1000);
      hot += (k + 1000 - begin / 100) % 1000 < 100;
    }
    CHECK(hot > 80);
  }
}

TEST_CASE("keys of a file come in turn, whichever connection asks") {
  auto p = keyed("http://a/x?{key}");
  p.keys.file = std::make_shared<const std::vector<std::string>>(std::vector<std::string>{"b", "a", "b"});
  const runtime::key_sampler unused(runtime::key_distribution::uniform, 1, 1);
  request_source one(p, p.origins[0], unused, 0), two(p, p.origins[0], unused, 0);
  runtime::random r(1);
  CHECK(target(one.next(0, r)) == "/x?b");
  CHECK(target(two.next(1, r)) == "/x?a");
  CHECK(target(one.next(2, r)) == "/x?b");
  CHECK(target(one.next(3, r)) == "/x?b");
}

TEST_CASE("users of an events server look at boxes around its hot spots") {
  plan p;
  REQUIRE(add_url(p, "http://a/"));
  p.areas = area_settings{.count = 20, .radius_km = 1, .center_lat = 10, .center_lon = 20, .spread_km = 5};
  p.keys.hot_spot = true;
  p.keys.count = 20;
  draw_areas(p);
  make_requests(p);
  const runtime::key_sampler popular(runtime::key_distribution::zipf, 20, 1.3);
  request_source source(p, p.origins[0], popular, 0);
  runtime::random r(3);
  std::map<std::string, int> seen;
  for (std::uint64_t i = 0; i < 2000; ++i) {
    const std::string t = target(source.next(i, r));
    double box[4] = {};
    REQUIRE(std::sscanf(t.c_str(), "/events?bbox=%lf,%lf,%lf,%lf", &box[0], &box[1], &box[2], &box[3]) == 4);
    CHECK(std::abs(box[1] - 10) < 5);
    CHECK(std::abs(box[0] - 20) < 5);
    ++seen[t];
  }
  CHECK(seen.size() > 1000);
  CHECK(seen.size() < 2000);
}

TEST_CASE("a new session begins at the first URL") {
  plan p;
  for (const char* u : {"http://a/1", "http://a/2", "http://a/3"}) REQUIRE(add_url(p, u));
  p.session_length = 2;
  make_requests(p);
  const runtime::key_sampler unused(runtime::key_distribution::uniform, 1, 1);
  request_source source(p, p.origins[0], unused, 2);
  runtime::random r(1);
  source.begin_session();
  CHECK(target(source.next(0, r)) == "/1");
  CHECK(target(source.next(1, r)) == "/2");
  source.begin_session();
  CHECK(target(source.next(2, r)) == "/1");
}

}  // namespace
}  // namespace distsys::roles::loadgen
