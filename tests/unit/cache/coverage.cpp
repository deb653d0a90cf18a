#include "roles/cache/coverage.hpp"

#include "distsys/foundation/json.hpp"
#include "distsys/foundation/text.hpp"

#include <catch2/catch.hpp>

#include <vector>

using namespace distsys;
using namespace distsys::roles::cache;
using namespace std::chrono_literals;
namespace geo = distsys::domain::geo;

namespace {

geo::timestamp time_of(std::string_view text) { return parse_time(text).value(); }

geo::tile_view tile(std::string name, std::optional<geo::box> bounds) {
  geo::tile_view t;
  t.feed = "waze#1";
  t.tile = std::move(name);
  t.source = "waze";
  t.bounds = bounds;
  t.interval = 90s;
  t.next_poll = time_of("2025-04-09T18:04:30Z");
  t.last_answer = time_of("2025-04-09T18:03:00Z");
  t.last_count = 42;
  return t;
}

json::array features_of(const std::vector<geo::tile_view>& tiles) {
  const auto text = coverage_text(tiles, time_of("2025-04-09T18:03:10Z"));
  return json::parse(text).value().as_object().at("features").as_array();
}

}  // namespace

TEST_CASE("no tiles are an empty collection") {
  CHECK(coverage_text({}, time_of("2025-04-09T18:03:10Z")) == R"({"type":"FeatureCollection","features":[]})");
}

TEST_CASE("a tile becomes a polygon with its state and schedule") {
  const auto t = tile("santiago:03", geo::box{-70.5, -33.5, -70.25, -33.25});
  const auto found = features_of({t});
  REQUIRE(found.size() == 1);
  const json::object& f = found[0].as_object();
  CHECK(boost::json::serialize(f.at("geometry")) ==
        boost::json::serialize(json::parse(R"({"type":"Polygon","coordinates":[[[-70.5,-33.5],[-70.25,-33.5],
          [-70.25,-33.25],[-70.5,-33.25],[-70.5,-33.5]]]})")
                                   .value()));
  const json::object& p = f.at("properties").as_object();
  CHECK(p.at("source") == "waze");
  CHECK(p.at("tile") == "santiago:03");
  CHECK(p.at("state") == "covered");
  CHECK(p.at("last_answer") == "2025-04-09T18:03:00.000Z");
  CHECK(p.at("next_poll") == "2025-04-09T18:04:30.000Z");
  CHECK(json::get_integer(p, "events") == 42);
  CHECK(json::get_integer(p, "interval_seconds") == 90);
  CHECK(json::get_number(p, "area_km2").value() == Approx(645.5).margin(1));
}

TEST_CASE("states tell of caps, failures and what was never asked") {
  auto capped = tile("a", std::nullopt), failing = tile("b", std::nullopt), never = tile("c", std::nullopt);
  capped.capped = true;
  failing.failures = 2;
  never.last_answer.reset();
  const auto found = features_of({capped, failing, never});
  REQUIRE(found.size() == 3);
  CHECK(found[0].as_object().at("properties").as_object().at("state") == "capped");
  CHECK(found[1].as_object().at("properties").as_object().at("state") == "failing");
  CHECK(found[2].as_object().at("properties").as_object().at("state") == "never");
  CHECK(found[2].as_object().at("properties").as_object().at("last_answer").is_null());
  CHECK(found[2].as_object().at("geometry").is_null());
}

TEST_CASE("a tile across the antimeridian is cut in two, and split ones are left out") {
  auto split = tile("fiji", geo::box{170, -20, -170, -10});
  split.state = geo::tile_state::split;
  const auto found = features_of({split, tile("fiji:0", geo::box{170, -20, -170, -10})});
  REQUIRE(found.size() == 1);
  const json::object& g = found[0].as_object().at("geometry").as_object();
  CHECK(g.at("type") == "MultiPolygon");
  CHECK(g.at("coordinates").as_array().size() == 2);
}
