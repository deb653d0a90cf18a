#include "roles/scraper/tile_plan.hpp"

#include "roles/scraper/lease_owner.hpp"
#include "roles/scraper/scraper_page.hpp"

#include "tests/support/catch.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cmath>

using namespace distsys::roles::scraper;
using namespace std::chrono_literals;
namespace geo = distsys::domain::geo;
using geo::timestamp;

namespace {

const timestamp noon = timestamp(std::chrono::sys_days(std::chrono::year{2025} / 4 / 9)) + 12h;

geo::tile_view quarter(std::size_t count, unsigned quiet = 3) {
  geo::tile_view t;
  t.level = 1;
  t.last_count = count;
  t.quiet_polls = quiet;
  t.last_complete = t.last_answer = noon;
  return t;
}

}  // namespace

TEST_CASE("the interval halves when much changes, and grows step by step when nothing does") {
  const interval_bounds bounds{30s, 60s, 240s};
  CHECK(adapted(60s, bounds, 10, 100) == 30s);
  CHECK(adapted(60s, bounds, 9, 100) == 60s);
  CHECK(adapted(60s, bounds, 0, 100) == 75s);
  CHECK(adapted(60s, bounds, 0, 0) == 75s);
  CHECK(adapted(35s, bounds, 5, 5) == 30s);
  CHECK(adapted(239s, bounds, 0, 5) == 240s);
  std::chrono::milliseconds at = 60s;
  for (int i = 0; i < 100; ++i) at = adapted(at, bounds, 0, 5);
  CHECK(at == 240s);
  for (int i = 0; i < 100; ++i) at = adapted(at, bounds, 5, 5);
  CHECK(at == 30s);
  const interval_bounds fixed{1s, 1s, 1s};
  CHECK(adapted(1s, fixed, 5, 5) == 1s);
  CHECK(adapted(1s, fixed, 0, 5) == 1s);
}

TEST_CASE("what is capped splits, as long as there is something to divide") {
  CHECK(is_capped(200, 200));
  CHECK_FALSE(is_capped(199, 200));
  CHECK_FALSE(is_capped(1000, 0));
  geo::tile_view t;
  CHECK_FALSE(may_split(t));
  t.bounds = geo::box{-71, -34, -70, -33};
  CHECK(may_split(t));
  t.level = deepest_split;
  CHECK_FALSE(may_split(t));
  t.level = 3;
  t.bounds->east = -71 + 1e-6;
  CHECK_FALSE(may_split(t));
}

TEST_CASE("siblings merge when all of them are quiet for long enough") {
  std::array<geo::tile_view, 4> four{quarter(60), quarter(0), quarter(20), quarter(20)};
  CHECK(are_quiet(four, 200));
  CHECK(may_merge(four, 200, 3));
  four[1].last_count = 1;
  CHECK_FALSE(are_quiet(four, 200));
  CHECK_FALSE(may_merge(four, 200, 3));
  four[1] = quarter(0, 2);
  CHECK_FALSE(may_merge(four, 200, 3));
  four[1] = quarter(0);
  four[1].failures = 1;
  CHECK_FALSE(may_merge(four, 200, 3));
  CHECK_FALSE(may_merge(std::span(four).first(3), 200, 3));
}

TEST_CASE("an owner that is alive is never taken for dead, and a dead one is known") {
  const auto me = make_lease_owner();
  CHECK(me != make_lease_owner());
  CHECK_FALSE(is_dead(me));
  for (const char* other : {"", "x", "host-1-2-3", "elsewhere-4000000-123-abcdefgh.1-00", "h-x-1-y-z"}) {
    INFO(other);
    CHECK_FALSE(is_dead(other));
  }
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) ::_exit(0);
  ::waitpid(child, nullptr, 0);
  // This process's name with the number of one that is gone, and with another start.
  const auto second = me.find('-') + 1, third = me.find('-', second), fourth = me.find('-', third + 1);
  CHECK(is_dead(me.substr(0, second) + std::to_string(child) + me.substr(third)));
  CHECK(is_dead(me.substr(0, third + 1) + "1" + me.substr(fourth)));
}

TEST_CASE("coverage is what the last answer tells of a tile") {
  geo::tile_view t;
  t.interval = 60s;
  t.next_poll = noon + 60s;
  CHECK(geo::coverage_of(t, noon) == geo::tile_coverage::never);
  t.failures = 1;
  CHECK(geo::coverage_of(t, noon) == geo::tile_coverage::failing);
  t.failures = 0;
  t.last_answer = noon;
  CHECK(geo::coverage_of(t, noon) == geo::tile_coverage::covered);
  t.capped = true;
  CHECK(geo::coverage_of(t, noon) == geo::tile_coverage::capped);
  CHECK(geo::coverage_of(t, noon + 1h) == geo::tile_coverage::failing);
  t.leased_until = noon + 2h;
  CHECK(geo::coverage_of(t, noon + 1h) == geo::tile_coverage::capped);
  CHECK(std::abs(geo::area_m2(geo::box{}) / 5.1006e14 - 1) < 1e-3);  // the earth
  CHECK(std::abs(geo::area_m2({170, -10, -170, 10}) / geo::area_m2({-10, -10, 10, 10}) - 1) < 1e-9);
}

TEST_CASE("the page shows what is stored, and nothing of it as HTML") {
  geo::tile_view t;
  t.source = "live<b>";
  t.tile = "\"><script>";
  t.last_error = "<img>";
  t.failures = 2;
  t.interval = 1500ms;
  t.cap = 200;
  t.owner = "host-12-3-w-r";
  t.leased_until = noon + 30s;
  t.bounds = geo::box{-71, -34, -70, -33};
  const std::array tiles{t};
  const auto html = tiles_as_html(tiles, noon);
  CHECK(html.find("<script") == std::string::npos);
  CHECK(html.find("<img") == std::string::npos);
  CHECK(html.find("live&lt;b&gt;") != std::string::npos);
  CHECK(html.find(">host-12<") != std::string::npos);
  CHECK(html.find("1.5 s") != std::string::npos);
  const auto json = tiles_as_json(tiles, noon);
  const auto& source = json.at("sources").at(0);
  CHECK(source.at("states").at("failing") == 1);
  CHECK(source.at("tiles").at(0).at("holder") == "host-12-3-w-r");
  CHECK(source.at("area_square_metres").at("failing").as_double() > 1e9);
}
