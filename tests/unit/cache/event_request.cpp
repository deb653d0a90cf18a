#include "roles/cache/event_request.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace distsys;
using namespace distsys::roles::cache;
namespace geo = distsys::domain::geo;

namespace {

event_request read(const std::string& query) {
  auto r = read_event_request(query);
  INFO(query);
  if (!r) FAIL(r.error());
  return *r;
}

std::string refusal(const std::string& query) {
  const auto r = read_event_request(query);
  INFO(query);
  REQUIRE(r.has_error());
  CHECK(r.error() == errc::invalid);
  return r.error().detail;
}

bool names(const std::string& text, std::string_view parameter) {
  return text.find(std::string(parameter) + ':') != std::string::npos;
}

}  // namespace

TEST_CASE("an area is a circle, a box, the nearest, or everywhere") {
  CHECK(std::holds_alternative<geo::everywhere>(read("").query.where));
  const auto circle = std::get<geo::circle>(read("lat=-33.45&lon=-70.66&radius=5").query.where);
  CHECK(circle.center == geo::position{-70.66, -33.45});
  CHECK(circle.radius_m == 5000);
  const auto box = std::get<geo::box>(read("bbox=170,-20,-170,10").query.where);
  CHECK(box.west == 170);
  CHECK(box.south == -20);
  CHECK(box.east == -170);
  CHECK(box.north == 10);
  const auto nearest = std::get<geo::nearest>(read("near=-33.45,-70.66&k=7").query.where);
  CHECK(nearest.center == geo::position{-70.66, -33.45});
  CHECK(nearest.k == 7);
}

TEST_CASE("a radius has a unit") {
  const auto radius = [](const std::string& r) {
    return std::get<geo::circle>(read("lat=0&lon=0&radius=" + r).query.where).radius_m;
  };
  CHECK(radius("2") == 2000);
  CHECK(radius("2km") == 2000);
  CHECK(radius("800m") == 800);
  CHECK(radius("3mi") == Approx(4828.032));
  CHECK(radius("1.5%20km") == 1500);
  CHECK(radius("0") == 0);
  for (const char* bad : {"-1", "x", "5ft", "km", "", "20016", "1e999", "nan", "inf"}) {
    CHECK(names(refusal("lat=0&lon=0&radius=" + std::string(bad)), "radius"));
  }
}

TEST_CASE("every wrong parameter is named at once") {
  const std::string text = refusal("bbox=1,2,3&limit=0&min_severity=11&since=yesterday&colour=red&k=0&limit2=");
  for (const char* parameter : {"bbox", "limit", "min_severity", "since", "colour", "k", "limit2"}) {
    INFO(text);
    CHECK(names(text, parameter));
  }
}

TEST_CASE("areas that make no sense are refused") {
  CHECK(names(refusal("lat=1&lon=2"), "radius"));
  CHECK(names(refusal("radius=2"), "lat"));
  CHECK(names(refusal("radius=2"), "lon"));
  CHECK(names(refusal("lat=91&lon=0&radius=1"), "lat"));
  CHECK(names(refusal("lat=0&lon=181&radius=1"), "lon"));
  CHECK(names(refusal("bbox=0,10,5,-10"), "bbox"));
  CHECK(names(refusal("bbox=0,0,5,91"), "bbox"));
  CHECK(names(refusal("bbox=-181,0,5,1"), "bbox"));
  CHECK(names(refusal("bbox=a,b,c,d"), "bbox"));
  CHECK(names(refusal("near=1"), "near"));
  CHECK(names(refusal("near=91,0"), "near"));
  CHECK(names(refusal("k=3"), "k"));
  CHECK(names(refusal("near=1,1&bbox=0,0,1,1"), "bbox"));
  CHECK(names(refusal("near=1,1&lat=1&lon=1&radius=1"), "near"));
  CHECK(names(refusal("lat=0&lat=1&lon=0&radius=1"), "lat"));
}

TEST_CASE("filters are read") {
  const auto q =
      read("kind=jam,hazard&kind=jam&source=sim&since=2025-04-09T18:03:00Z&min_severity=3&limit=7&cursor=abc").query;
  CHECK(q.kinds == std::vector<std::string>{"hazard", "jam"});
  CHECK(q.sources == std::vector<std::string>{"sim"});
  CHECK(q.since->time_since_epoch().count() == 1'744'221'780'000);
  CHECK(q.min_severity == 3);
  CHECK(q.limit == 7);
  CHECK(q.cursor == "abc");
  CHECK(read("").query.limit == 1000);
}

TEST_CASE("requests that mean the same have one key, others have others") {
  const std::string key = read("lat=-33.45&lon=-70.66&radius=5&kind=jam,hazard").key;
  CHECK(read("kind=hazard&kind=jam&radius=5km&lon=-70.660&lat=-33.450").key == key);
  CHECK(read("radius=5000m&lat=-3.345e1&lon=-70.66&kind=hazard,jam&limit=1000").key == key);
  CHECK(read("lat=-0&lon=0&radius=1").key == read("lat=0&lon=-0.0&radius=1").key);
  const char* different[] = {"lat=-33.45&lon=-70.66&radius=5&kind=jam",
                             "lat=-33.45&lon=-70.66&radius=5.1&kind=jam,hazard",
                             "lat=-33.45&lon=-70.66&radius=5&source=jam,hazard",
                             "lat=-33.45&lon=-70.66&radius=5&kind=jam,hazard&limit=2",
                             "lat=-33.45&lon=-70.66&radius=5&kind=jam,hazard&cursor=2",
                             "lat=-33.45&lon=-70.66&radius=5&kind=jam,hazard&min_severity=0",
                             "near=-33.45,-70.66&k=5&kind=jam,hazard",
                             "kind=jam,hazard",
                             ""};
  for (const char* query : different) CHECK(read(query).key != key);
}

TEST_CASE("no name can make a key look like another request's") {
  CHECK(read("kind=a%22s%22b").key != read("kind=a&source=b").key);
  CHECK(read("cursor=x%20limit%205").key != read("cursor=x&limit=5").key);
}

TEST_CASE("a polygon is a ring of vertices, however it is closed") {
  const auto ring = [](const std::string& q) { return std::get<geo::polygon>(read(q).query.where).ring; };
  CHECK(ring("polygon=0,0,4,0,2,3") == std::vector<geo::position>{{0, 0}, {4, 0}, {2, 3}});
  CHECK(ring("polygon=170,0,-170,0,-170,5,170,5").size() == 4);
  CHECK(read("polygon=0,0,4,0,2,3,0,0").key == read("polygon=0,0,4,0,2,3").key);
  CHECK(read("polygon=0,0,4,0,2,3").key != read("polygon=0,0,4,0,2,4").key);
  for (const char* bad : {"", "1,2", "0,0,4,0", "0,0,4,0,2", "0,0,4,0,2,x", "0,0,4,0,2,91", "0,0,0,0,0,0"}) {
    CHECK(names(refusal("polygon=" + std::string(bad)), "polygon"));
  }
  CHECK(names(refusal("polygon=0,0,4,0,2,3&bbox=0,0,1,1"), "bbox"));
  std::string many = "polygon=0,0";
  for (int i = 0; i < 1001; ++i) many += ",1,1";
  CHECK(names(refusal(many), "polygon"));
}

TEST_CASE("a time that is over counts by its second") {
  const auto q = read("at=2025-04-09T18:03:00.750Z").query;
  REQUIRE(q.at.has_value());
  CHECK(q.at->time_since_epoch().count() == 1'744'221'780'000);
  CHECK(read("at=2025-04-09T18:03:00.750Z").key == read("at=2025-04-09T18:03:00Z").key);
  CHECK(read("at=2025-04-09T18:03:00Z").key != read("").key);
  CHECK(names(refusal("at=2999-01-01T00:00:00Z"), "at"));
  CHECK(names(refusal("at=now"), "at"));
}

TEST_CASE("a stream's filter decides by box, kind and source") {
  const auto r = read_stream_request("bbox=170,-10,-170,10&kind=jam&source=sim&last_event_id=12");
  REQUIRE(r.has_value());
  CHECK(r->last_event_id == "12");
  CHECK(r->filter.covers({175, 0}));
  CHECK(r->filter.covers({-175, 0}));
  CHECK_FALSE(r->filter.covers({0, 0}));
  CHECK(r->filter.wants_kind("jam"));
  CHECK_FALSE(r->filter.wants_kind("hazard"));
  CHECK_FALSE(r->filter.wants_source("usgs"));
  const auto all = read_stream_request("");
  REQUIRE(all.has_value());
  CHECK(all->filter.covers({0, 0}));
  CHECK(all->filter.wants_kind("anything"));
  CHECK(read_stream_request("bbox=1,2,3,4,5").has_error());
  CHECK(read_stream_request("limit=5").has_error());
}
