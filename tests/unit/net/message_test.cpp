#include "distsys/net/http_message.hpp"

#include <catch2/catch.hpp>

using namespace distsys;
using namespace distsys::net;

TEST_CASE("query parameters are read by name and type") {
  query_parameters q(
      "lat=-33.45&lon=-70.66&limit=20&name=caf%C3%A9+con+leche&kind=jam,hazard&kind=police&live&off=false");
  CHECK(q.real("lat", -90, 90) == -33.45);
  CHECK(q.real("lon", -180, 180) == -70.66);
  CHECK(q.integer("limit", 1, 1000) == 20);
  CHECK(q.text("name") == "café con leche");
  CHECK(q.texts("kind") == std::vector<std::string>{"jam", "hazard", "police"});
  CHECK(q.flag("live") == true);
  CHECK(q.flag("off") == false);
  CHECK_FALSE(q.text("absent"));
  CHECK(q.finish());
}

TEST_CASE("one answer names every bad and every unknown parameter") {
  query_parameters q("lat=100&limit=many&flag=perhaps&radius=1&radius=2&typo=1&x=%zz");
  CHECK_FALSE(q.real("lat", -90, 90));
  CHECK_FALSE(q.integer("limit", 1, 10));
  CHECK_FALSE(q.flag("flag"));
  q.text("radius");
  q.refuse("bbox", "four numbers");
  const auto r = q.finish();
  REQUIRE_FALSE(r);
  CHECK(r.error().code == errc::invalid);
  for (const char* part :
       {"lat: a number from -90 to 90", "limit: a whole number from 1 to 10", "flag: true or false",
        "radius: given twice", "typo: unknown parameter", "bbox: four numbers", "x: a broken percent"})
    CHECK(r.error().detail.find(part) != std::string::npos);
}

TEST_CASE("a problem document is RFC 9457 and hides what is internal") {
  const auto p = http_response::from_error({errc::invalid, "say \"when\"\n"});
  CHECK(p.status == 400);
  CHECK(p.headers.front().second == "application/problem+json");
  const auto v = json::parse(std::get<std::string>(p.body));
  REQUIRE(v);
  CHECK(json::get_string(v->as_object(), "detail") == "say \"when\"\n");
  CHECK(json::get_integer(v->as_object(), "status") == 400);
  CHECK(std::get<std::string>(http_response::from_error({errc::internal, "secret"}).body).find("secret") ==
        std::string::npos);
  const auto busy = http_response::from_error({errc::overloaded, "later"});
  CHECK(busy.status == 503);
  CHECK(busy.headers.back().first == "Retry-After");
}
