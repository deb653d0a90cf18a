#include "roles/scraper/areas.hpp"

#include "tests/support/catch.hpp"

using namespace distsys::roles::scraper;
using distsys::errc;
namespace geo = distsys::domain::geo;

TEST_CASE("areas are read as users write them") {
  const auto point = parse_area("-33.45/-70.66/5").value();
  CHECK(std::get<geo::circle>(point.shape).center == geo::position{-70.66, -33.45});
  CHECK(std::get<geo::circle>(point.shape).radius_m == 5000);
  CHECK(std::get<geo::circle>(parse_area("0/0/800m").value().shape).radius_m == 800);
  CHECK(std::get<geo::circle>(parse_area(" 0 / 0 / 2km ").value().shape).radius_m == 2000);
  CHECK(std::get<geo::circle>(parse_area("0/0/1mi").value().shape).radius_m == Approx(1609.344));

  const auto box = std::get<geo::box>(parse_area("170/-20/-170/20").value().shape);
  CHECK(box.west == 170);
  CHECK(box.north == 20);

  CHECK(std::get<geo::circle>(parse_area("Santiago").value().shape).center == geo::position{-70.66, -33.45});
  CHECK(std::get<geo::circle>(parse_area("new york/3km").value().shape).radius_m == 3000);
}

TEST_CASE("areas that are none say why") {
  for (const char* text : {"", "/", "1/2/3/4/5", "a/b/c", "91/0/5", "0/181/5", "0/0/0", "0/0/-5", "0/0/5parsec",
                           "0/0/nan", "0/0/30000", "0/10/5/-10", "0/0/0/x", "nowhere"}) {
    INFO(text);
    const auto area = parse_area(text);
    REQUIRE_FALSE(area);
    CHECK(area.error().code == errc::invalid);
    CHECK_FALSE(area.error().detail.empty());
  }
  CHECK(parse_area("santigo").error().detail.find("did you mean 'santiago'") != std::string::npos);
}

TEST_CASE("an area across the antimeridian is asked for as two boxes") {
  const auto boxes = parse_area("170/-20/-170/20").value().boxes();
  REQUIRE(boxes.size() == 2);
  CHECK(boxes[0].east == 180);
  CHECK(boxes[1].west == -180);
  CHECK(parse_area("suva/300km").value().boxes().size() == 2);
  CHECK(parse_area("santiago").value().boxes().size() == 1);
}
