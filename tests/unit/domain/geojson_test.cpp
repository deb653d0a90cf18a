#include <catch2/catch.hpp>

#include "distsys/domain/geo/codecs.hpp"
#include "distsys/foundation/text.hpp"
#include "shared_data.hpp"

using namespace distsys;
using namespace distsys::domain::geo;

namespace {

timestamp at(std::string_view text) { return parse_time(text).value(); }

std::string collection(const std::string& features, const std::string& head = R"("metadata":{"generated":1000},)") {
  return R"({"type":"FeatureCollection",)" + head + R"("features":[)" + features + "]}";
}

event jam() {
  event e;
  e.source = "sim";
  e.id = "jam-1";
  e.aliases = {"a", "b \"quoted\""};
  e.kind = "jam";
  e.subtype = "jam_heavy";
  e.severity = 5;
  e.line = {{-70.5, -33.25}, {-70.25, -33.5}};
  e.at = e.line.front();
  e.text = "línea\n2";
  e.place = "Alameda, Santiago";
  e.started = at("2025-04-09T18:03:00Z");
  e.updated = at("2025-04-09T18:04:00.5Z");
  e.expires = at("2025-04-09T20:00:00Z");
  e.properties = {{"speed", 2.5}, {"level", 3}, {"nested", {{"b", 1}, {"a", nullptr}}}};
  return e;
}

}  // namespace

TEST_CASE("the feature of an event is RFC 7946 and deterministic") {
  const event e = jam();
  CHECK(
      to_feature(e) ==
      R"({"type":"Feature","id":"sim/jam-1","geometry":{"type":"LineString","coordinates":[[-70.5,-33.25],[-70.25,-33.5]]},)"
      R"("properties":{"source":"sim","id":"jam-1","kind":"jam","subtype":"jam_heavy","severity":5,"text":"línea\n2",)"
      R"("place":"Alameda, Santiago","started":"2025-04-09T18:03:00.000Z","updated":"2025-04-09T18:04:00.500Z",)"
      R"("expires":"2025-04-09T20:00:00.000Z","aliases":["a","b \"quoted\""],)"
      R"("source_properties":{"level":3,"nested":{"a":null,"b":1},"speed":2.5}}})");
  event reordered = e;
  reordered.properties = {{"nested", {{"a", nullptr}, {"b", 1}}}, {"level", 3}, {"speed", 2.5}};
  CHECK(to_feature(reordered) == to_feature(e));
  event point;
  point.source = "s";
  point.id = "1";
  point.kind = "k";
  point.at = {0.1, -0.2};
  CHECK(to_feature(point) == R"({"type":"Feature","id":"s/1","geometry":{"type":"Point","coordinates":[0.1,-0.2]},)"
                             R"("properties":{"source":"s","id":"1","kind":"k","severity":0}})");
}

TEST_CASE("a line across the antimeridian is cut there and joined when it is read") {
  event e = jam();
  e.line = {{179, 10}, {-179, 20}, {-178, 20}, {179.5, 20}};
  e.at = e.line.front();
  const auto feature = to_feature(e);
  CHECK_THAT(feature,
             Catch::Contains(R"({"type":"MultiLineString","coordinates":[[[179,10],[180,15]],[[-180,15],[-179,20],)"));
  const auto seen = decode(collection(feature), {.source = "sim"});
  REQUIRE(seen.has_value());
  REQUIRE(seen->events.size() == 1);
  CHECK(seen->events[0].line == e.line);
}

TEST_CASE("this system's own features come back as they were") {
  const event e = jam();
  for (const auto& options : {decode_options{.source = "sim"}, decode_options{.source = "x", .trusted_own = true},
                              decode_options{.trusted_own = true}}) {
    const auto seen = decode(collection(to_feature(e)), options);
    REQUIRE(seen.has_value());
    REQUIRE(seen->refused.empty());
    REQUIRE(seen->events.size() == 1);
    CHECK(seen->events[0].source == "sim");
    CHECK(to_feature(seen->events[0]) == to_feature(e));
  }
}

TEST_CASE("what would be stored as more than 64 KiB is refused, in either form") {
  const auto read = [](const event& e, std::string_view source) {
    const auto seen = decode(collection(to_feature(e)), {.source = std::string(source)});
    REQUIRE(seen.has_value());
    return *seen;
  };
  event e = jam();
  for (const auto* source : {"sim", "feed"}) {
    e.text = std::string(30'000, 'x');  // a foreign title is a property, too
    CHECK(read(e, source).events.size() == 1);
    e.text = std::string(64u << 10, 'x');
    const auto seen = read(e, source);
    CHECK(seen.events.empty());
    REQUIRE(seen.refused.size() == 1);
    CHECK(seen.refused[0].reason == "too_large");
  }
  // To the byte, as it is written: the quotes count twice.
  e.text = std::string((64u << 10) - to_feature(jam()).size() + jam().text.size() + 1, 'x');
  REQUIRE(to_feature(e).size() == 64u << 10);
  CHECK(read(e, "sim").events.size() == 1);
  e.text.back() = '"';
  CHECK(read(e, "sim").events.empty());
}

TEST_CASE("this system's own features keep the status that ends them, and nothing personal") {
  event e = jam();
  e.properties = {{"status", "reviewed"}, {"userName", "Jane"}, {"inner", {{"phone", "1"}, {"lanes", 2}}}};
  std::string feature = to_feature(e);
  CHECK_FALSE(says_deleted(decode(collection(feature), {.source = "sim"}).value().events.at(0)));
  feature.insert(feature.find(R"("kind":)"), R"("status":"Deleted",)");
  const auto seen = decode(collection(feature), {.source = "sim"}).value();
  REQUIRE(seen.events.size() == 1);
  CHECK(says_deleted(seen.events[0]));
  CHECK_FALSE(seen.events[0].properties.contains("userName"));
  CHECK(seen.events[0].properties.at("inner") == json::value{{"lanes", 2}});
}

TEST_CASE("a feed cannot speak for another source") {
  for (const auto& options : {decode_options{.source = "feed"}, decode_options{}}) {
    const auto seen = decode(collection(to_feature(jam())), options);
    REQUIRE(seen.has_value());
    REQUIRE(seen->events.size() == 1);
    CHECK(seen->events[0].source == (options.source.empty() ? "geojson" : "feed"));
    CHECK(seen->events[0].id == "sim/jam-1");
    CHECK(seen->events[0].aliases.empty());
    CHECK(seen->events[0].kind == "jam");
    CHECK(seen->events[0].text == "línea\n2");
  }
}

TEST_CASE("a USGS feature: aliases, magnitude, kinds, and years without a title") {
  const auto seen = decode(
      collection(
          R"({"type":"Feature","id":"ci1","properties":{"mag":-0.5,"place":"5km N of X","time":1000,"updated":2000,
          "ids":",nn9,ci1,nn9,","net":"ci","felt":null,"type":"quarry blast","magType":"ml","tz":-480},
          "geometry":{"type":"Point","coordinates":[-117.5,36.25,2.5]}},
        {"type":"Feature","id":"us2","properties":{"mag":7.3,"title":"M 7.3 - Y","net":"us","type":"earthquake"},
          "geometry":{"type":"Point","coordinates":[179.9,-20,600]}},
        {"type":"Feature","id":"us3","properties":{"mag":null,"net":"us"},"geometry":{"type":"Point","coordinates":[0,0]}},
        {"type":"Feature","id":"us4","properties":{"mag":"big","net":"us"},"geometry":{"type":"Point","coordinates":[0,0]}},
        {"type":"Feature","id":"us5","properties":{"mag":99,"net":"us"},"geometry":{"type":"Point","coordinates":[0,0]}},
        {"type":"Feature","id":"us6","properties":{"mag":1,"net":"us"},"geometry":null})",
          R"("metadata":{"generated":5000,"title":"USGS All Earthquakes, Past Day"},)"),
      {});
  REQUIRE(seen.has_value());
  CHECK(seen->observed == timestamp(std::chrono::milliseconds(5000)));
  REQUIRE(seen->events.size() == 3);
  const auto& blast = seen->events[0];
  CHECK(blast.source == "usgs");
  CHECK(blast.aliases == std::vector<std::string>{"nn9"});
  CHECK(blast.kind == "quarry_blast");
  CHECK(blast.severity == 0);
  CHECK(blast.text == "M -0.5 - 5km N of X");
  CHECK(blast.properties.at("depth_km") == 2.5);
  CHECK_FALSE(blast.properties.contains("felt"));
  CHECK(seen->events[1].severity == 7);
  CHECK(seen->events[1].text == "M 7.3 - Y");
  CHECK(seen->events[2].kind == "earthquake");
  REQUIRE(seen->refused.size() == 3);
  CHECK(seen->refused[0].reason == "wrong_type");
  CHECK(seen->refused[1].reason == "out_of_range");
  CHECK(seen->refused[2].reason == "no_position");
}

TEST_CASE("any feed of points is read by its usual names") {
  const auto seen = decode(
      collection(R"({"type":"Feature","id":12,"properties":{"name":"Fire 12","category":"Wild Fire","severity":"high",
          "start":"2024-01-02T03:04:05+01:00","userName":"p1","acres":7},"geometry":{"type":"Point","coordinates":[1,2]}},
        {"type":"Feature","properties":{"uuid":"u"},"geometry":{"type":"LineString","coordinates":[[1,2],[3,4]]}},
        {"type":"Feature","properties":{"title":"who?"},"geometry":{"type":"Point","coordinates":[1,2]}},
        {"type":"Feature","id":"p","properties":null,"geometry":{"type":"Polygon","coordinates":[]}},
        {"type":"Feature","id":"q","properties":{},"geometry":{"type":"Point","coordinates":["1","2"]}},
        {"type":"Feature","id":"r","properties":{},"geometry":{"type":"Point","coordinates":[]}})",
                 R"("name":"My Feed!","timeStamp":"2024-01-02T03:04:05Z",)"),
      {});
  REQUIRE(seen.has_value());
  REQUIRE(seen->events.size() == 2);
  const auto& fire = seen->events[0];
  CHECK(fire.source == "my_feed");
  CHECK(fire.id == "12");
  CHECK(fire.kind == "wild_fire");
  CHECK(fire.severity == 0);
  CHECK(fire.text == "Fire 12");
  CHECK(fire.started == at("2024-01-02T02:04:05Z"));
  CHECK(fire.properties.at("acres") == 7);
  CHECK_FALSE(fire.properties.contains("userName"));
  CHECK(seen->events[1].line.size() == 2);
  std::vector<std::string> reasons;
  for (const auto& r : seen->refused) reasons.push_back(r.reason);
  CHECK(reasons == std::vector<std::string>{"no_id", "wrong_type", "wrong_type", "no_position"});
  CHECK(decode(collection(R"({"type":"Feature","id":"x","geometry":{"type":"Point","coordinates":[1,2]}})"),
               {.source = "mine"})
            ->events.at(0)
            .source == "mine");
}

TEST_CASE("the real USGS feeds: every event, and JSONP refused", "[data]") {
  const std::pair<std::string, std::size_t> files[] = {{"usgs/usgs_2.5_month_2019-07-19_csaba.geojson", 3121},
                                                       {"usgs/usgs_all_day_2013-07-20_jbalonso.geojson", 159},
                                                       {"usgs/usgs_all_day_2019-01-30_ubc.geojson", 233},
                                                       {"usgs/usgs_all_hour_2013-07-20_jbalonso.geojson", 1}};
  for (const auto& [name, count] : files) {
    const auto text = tests::shared_data(name);
    if (!text) return;
    const auto seen = decode(*text, {});
    INFO(name);
    REQUIRE(seen.has_value());
    CHECK(seen->events.size() == count);
    CHECK(seen->refused.empty());
    for (const auto& e : seen->events) {
      CHECK(e.source == "usgs");
      CHECK(!e.text.empty());
      CHECK(e.started);
      for (const auto& alias : e.aliases) CHECK((!alias.empty() && alias != e.id));
    }
  }
  const auto jsonp = tests::shared_data("usgs/usgs_all_day_2016-11-03_rodu.geojsonp");
  if (!jsonp) return;
  const auto refused = decode(*jsonp, {});
  REQUIRE(refused.has_error());
  CHECK_THAT(refused.error().detail, Catch::Contains("not JSON") && Catch::Contains("byte 0"));
}
