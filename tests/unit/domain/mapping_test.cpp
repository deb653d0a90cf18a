#include <catch2/catch.hpp>

#include "distsys/domain/geo/mapping.hpp"
#include "distsys/foundation/text.hpp"
#include "shared_data.hpp"

using namespace distsys;
using namespace distsys::domain::geo;

namespace {

/// A mapping of the members that every one needs and `more`, which may override them.
std::string mapping_text(const std::string& more) {
  json::object o = json::parse(R"({"source":"s","records":"/r","id":"/id","kind":{"constant":"k"},
                                   "position":{"lon":"/x","lat":"/y"}})")
                       .value()
                       .get_object();
  const json::value members = json::parse("{" + more + "}").value();
  for (const auto& member : members.get_object()) o[member.key()] = member.value();
  return boost::json::serialize(o);
}

std::string faults_of(const std::string& more) {
  const auto read = mapping::parse(mapping_text(more), "m.json");
  return read ? "" : read.error().detail;
}

mapped_observation read(const std::string& more, const std::string& records) {
  const auto by = mapping::parse(mapping_text(more), "m.json");
  INFO((by ? "" : by.error().detail));
  REQUIRE(by.has_value());
  const auto seen = decode(R"({"r":[)" + records + "]}", *by, {.observed = timestamp(std::chrono::milliseconds(1))});
  INFO((seen ? "" : seen.error().detail));
  REQUIRE(seen.has_value());
  return *seen;
}

/// The one event of one record, which has an id and a position unless it says otherwise.
event one(const std::string& more, const std::string& members) {
  const auto seen = read(more, R"({"id":"a","x":1,"y":2)" + (members.empty() ? "" : "," + members) + "}");
  INFO((seen.seen.refused.empty() ? "" : seen.seen.refused[0].reason + ": " + seen.seen.refused[0].detail));
  REQUIRE(seen.seen.events.size() == 1);
  return seen.seen.events[0];
}

/// Why the one record is refused.
std::string reason(const std::string& more, const std::string& record) {
  const auto seen = read(more, record);
  REQUIRE(seen.seen.refused.size() == 1);
  CHECK(seen.seen.events.empty());
  return seen.seen.refused[0].reason + " " + seen.seen.refused[0].detail;
}

timestamp at(std::string_view text) { return parse_time(text).value(); }

}  // namespace

TEST_CASE("a mapped record that would be stored as more than 64 KiB is refused") {
  const std::string text(66'000, 'x');
  CHECK(reason(R"("text":"/t")", R"({"id":"a","x":1,"y":2,"t":")" + text + "\"}").starts_with("too_large "));
}

TEST_CASE("a mapping says what is wrong with it, where, and what would be right") {
  const std::pair<std::string, std::string> wrong[] = {
      {R"("severty":"/s")", "m.json: /severty: there is no such member: did you mean 'severity'?"},
      {R"("xyz":1)", "m.json: /xyz: there is no such member: known are about, source, records"},
      {R"("source":"My Feed")", "/source: expected a name of a-z, 0-9, '-', '_', '.', of at most 64 bytes, found"},
      {R"("records":5)", "/records: expected a JSON Pointer, found 5"},
      {R"("records":"features")",
       "/records: expected a JSON Pointer, which begins with '/' (or is empty: the whole), found"},
      {R"("id":"/a~2")", "/id: expected a JSON Pointer, in which '~' is written ~0"},
      {R"("id":{"constant":"x"})", "/id: expected a pointer: each event has its own id"},
      {R"("id":{})", "/id: expected exactly one of 'pointer', 'coalesce' and 'constant'"},
      {R"("id":{"pointer":"/a","coalesce":["/b"]})", "/id: expected exactly one of"},
      {R"("id":{"pointer":"/a","table":{}})", "/id/table: there is no such member"},
      {R"("id":{"coalesce":[]})", "/id/coalesce: expected an array of 1 to 16 JSON Pointers"},
      {R"("id":{"coalesce":["/a",7]})", "/id/coalesce/1: expected a JSON Pointer, found 7"},
      {R"("id":"/a/*/b")", "/id: expected a pointer without '*', which is for aliases and replaces"},
      {R"("aliases":"/a")", "/aliases: expected an array of 1 to 16 JSON Pointers"},
      {R"("text":"/user/email")", "/text: expected a pointer to what does not tell of a person"},
      {R"("text":{"constant":[1]})", "/text/constant: expected text, a number, true or false, found an array"},
      {R"("kind":{"constant":"Wild Fire"})",
       "/kind/constant: expected a word of a-z, 0-9 and '_', found \"Wild Fire\""},
      {R"("kind":{"pointer":"/k","table":{}})", "/kind/table: expected an object of 1 to 4096 entries"},
      {R"("kind":{"pointer":"/k","table":{"a/b":5}})",
       "/kind/table/a~1b: expected a word of a-z, 0-9 and '_', found 5"},
      {R"("kind":{"pointer":"/k","default":""})", "/kind/default: expected a word"},
      {R"("severity":{"pointer":"/s","table":{"high":11}})",
       "/severity/table/high: expected an integer from 0 to 10, found 11"},
      {R"("severity":{"pointer":"/s","default":2.5})", "/severity/default: expected an integer from 0 to 10"},
      {R"("severity":{"pointer":"/s","scale":"2"})", "/severity/scale: expected a number, found \"2\""},
      {R"("severity":{"pointer":"/s","scale":2,"table":{"a":1}})", "/severity: expected either a table or a scale"},
      {R"("severity":{"constant":12})", "/severity/constant: expected an integer from 0 to 10"},
      {R"("started":{"pointer":"/t","format":"iso"})",
       "/started/format: expected rfc3339, unix_s, unix_ms or a pattern"},
      {R"("started":{"pointer":"/t","format":"%H:%M"})",
       "/started/format: expected a pattern with a year, a month and a day"},
      {R"("started":{"pointer":"/t","format":"%Y-%m-%d %Q"})", "without %Q"},
      {R"("started":{"pointer":"/t","format":"%Y-%m-%d %I"})",
       "/started/format: expected a pattern with %H, or with %I and %p"},
      {R"("started":{"pointer":"/t","format":"%Y-%m-%d","zone":"Nowhere/X"})",
       "/started/zone: expected a zone as UTC, +05:30 or America/Santiago"},
      {R"("started":{"pointer":"/t","format":"%Y-%m-%d%z","zone":"Z"})",
       "expected either %z in the pattern or a zone, not both"},
      {R"("started":{"pointer":"/t","zone":"+01:00"})", "/started/zone: expected a zone only with a pattern"},
      {R"("started":{"pointer":"/t","format":7})", "/started/format: expected text, found 7"},
      {R"("started":{"constant":"2020-01-01"})", "/started: expected a pointer: a time is not constant"},
      {R"("where":[])", "/where: expected 1 to 64 conditions"},
      {R"("where":[{"pointer":"/a"}])", "/where/0: expected exactly one of 'present', 'values' and 'except'"},
      {R"("where":[{"pointer":"/a","present":"yes"}])", "/where/0/present: expected true or false, found \"yes\""},
      {R"("ended":{"pointer":"/a","values":[]})", "/ended/values: expected an array of values"},
      {R"("ended":{"pointer":"/a","except":[[1]]})", "/ended/except/0: expected text, a number, true or false"},
      {R"("position":"/geometry")", "/position: expected an object, found \"/geometry\""},
      {R"("position":{"lon":"/x"})", "/position: expected either 'geometry', or 'lon' and 'lat'"},
      {R"("position":{"lon":"/x","lat":"/y","geometry":"/g"})", "/position: expected either 'geometry'"},
      {R"("position":{"geometry":"/g","absent":"ignore"})",
       "/position/absent: expected 'skip' or 'refuse', found \"ignore\""},
      {R"("position":{"latitude":"/y","lon":"/x"})", "/position/latitude: there is no such member"},
      {R"("line":{"pointer":"/l","lon":"/x"})", "/line: expected both 'lon' and 'lat', or neither"},
      {R"("properties":["/a"])", "/properties: expected an object of 1 to 128 names and their pointers"},
      {R"("properties":{"who":"/reportBy"})", "/properties/who: expected a pointer to what does not tell of a person"},
      {R"("properties":{"email":"/e"})", "/properties/email: expected a name that does not tell of a person"}};
  for (const auto& [more, text] : wrong) {
    INFO(more);
    CHECK_THAT(faults_of(more), Catch::Contains(text) && Catch::StartsWith("m.json: "));
  }
}

TEST_CASE("a mapping must be JSON, an object, small enough, and have what every one needs") {
  const auto why = [](const std::string& text) { return mapping::parse(text, "f").error().detail; };
  CHECK_THAT(why("{"), Catch::Contains("f: JSON is truncated") && Catch::Contains("byte 1"));
  CHECK_THAT(why("[]"), Catch::Contains("f: the document: expected an object, found an array"));
  CHECK_THAT(why(R"({"source":"s"})"), Catch::Contains("/records: expected it to be there") &&
                                           Catch::Contains("; f: /id: expected it to be there") &&
                                           Catch::Contains("/kind: expected") &&
                                           Catch::Contains("/position: expected"));
  CHECK(mapping::parse(std::string(mapping::most_bytes + 1, ' '), "f").error().code == errc::too_large);
  CHECK(mapping::parse(R"({"id":)" + std::string(70, '[') + std::string(70, ']') + "}", "f").has_error());
  std::string deep;
  for (int i = 0; i < 33; ++i) deep += "/a";
  CHECK_THAT(faults_of(R"("id":")" + deep + "\""), Catch::Contains("of at most 32 names"));
  CHECK_THAT(faults_of(R"("id":"/)" + std::string(1100, 'a') + "\""), Catch::Contains("of at most 1024 bytes"));
  CHECK(faults_of(R"("about":["for people",1],"kind":{"about":"x","constant":"k"})").empty());
}

TEST_CASE("ids: text or integers, the first pointer that leads to something") {
  CHECK(one("", R"("id":"x/1")").id == "x/1");
  CHECK(one("", R"("id":12345678901)").id == "12345678901");
  CHECK(one(R"("id":{"coalesce":["/none","/null","/empty","/b~1c/0"]})", R"("null":null,"empty":"","b/c":["first"])")
            .id == "first");
  CHECK(reason("", R"({"x":1,"y":2})") == "no_id nothing at /id");
  CHECK_THAT(reason("", R"({"id":1.5,"x":1,"y":2})"), Catch::StartsWith("wrong_type /id is not text or an integer"));
  CHECK_THAT(reason("", R"({"id":{},"x":1,"y":2})"), Catch::StartsWith("wrong_type"));
  CHECK_THAT(reason("", R"({"id":")" + std::string(256, 'a') + R"(","x":1,"y":2})"), Catch::StartsWith("out_of_range"));
  CHECK_THAT(reason("", "7"), Catch::StartsWith("no_id"));
}

TEST_CASE("pointers into arrays: from the beginning, from the end, and each") {
  const std::string list = R"("l":["p","q","r"],"ref":[{"i":"a"},{"i":"one"},{"j":2},{"i":"two"},{"i":"one"}])";
  CHECK(one(R"("text":"/l/0")", list).text == "p");
  CHECK(one(R"("text":"/l/-1")", list).text == "r");
  CHECK(one(R"("text":"/l/-3")", list).text == "p");
  for (const auto* nowhere : {"/l/-4", "/l/3", "/l/-", "/l/01", "/l/-0", "/l/x", "/id/0"}) {
    CHECK(one(R"("text":")" + std::string(nowhere) + "\"", list).text.empty());
  }
  CHECK(one(R"("aliases":["/ref/*/i","/l/0"])", list).aliases == std::vector<std::string>{"one", "two", "p"});
  CHECK(one(R"("text":"/-1")", R"("-1":"a name")").text == "a name");
}

TEST_CASE("kinds: a constant, a word of the feed, or a table") {
  CHECK(one("", "").kind == "k");
  CHECK(one(R"("kind":"/t")", R"("t":"Wild Fire!")").kind == "wild_fire");
  const std::string table = R"("kind":{"pointer":"/t","table":{"Fire":"fire","5":"five","true":"yes"}})";
  CHECK(one(table, R"("t":"Fire")").kind == "fire");
  CHECK(one(table, R"("t":5)").kind == "five");
  CHECK(one(table, R"("t":true)").kind == "yes");
  CHECK(reason(table, R"({"id":"a","x":1,"y":2,"t":"fire"})") == "out_of_range no kind for 'fire'");
  CHECK(reason(table, R"({"id":"a","x":1,"y":2})") == "out_of_range nothing at /t, which tells the kind");
  CHECK(one(R"("kind":{"pointer":"/t","table":{"a":"b"},"default":"other"})", R"("t":"z")").kind == "other");
  CHECK(one(R"("kind":{"pointer":"/t","default":"other"})", "").kind == "other");
  CHECK(one(R"("subtype":"/t")", R"("t":"Grass Fire")").subtype == "grass_fire");
  CHECK(one(R"("subtype":{"pointer":"/t","table":{"a":"b"}})", R"("t":"z")").subtype.empty());
  CHECK_THAT(reason(R"("kind":"/t")", R"({"id":"a","x":1,"y":2,"t":[1]})"),
             Catch::StartsWith("wrong_type /t is not text"));
}

TEST_CASE("severity: a number with its scale, or a table") {
  CHECK(one("", "").severity == 0);
  CHECK(one(R"("severity":"/s")", R"("s":3.6)").severity == 4);
  CHECK(one(R"("severity":"/s")", R"("s":"2.2")").severity == 2);
  CHECK(one(R"("severity":"/s")", R"("s":1e300)").severity == 10);
  CHECK(one(R"("severity":"/s")", R"("s":-5)").severity == 0);
  CHECK(one(R"("severity":{"pointer":"/s","scale":2,"offset":1})", R"("s":3)").severity == 7);
  CHECK(one(R"("severity":{"pointer":"/s","scale":-1,"offset":10})", R"("s":4)").severity == 6);
  const std::string table = R"("severity":{"pointer":"/s","table":{"high":9,"3":3},"default":1})";
  CHECK(one(table, R"("s":"high")").severity == 9);
  CHECK(one(table, R"("s":3)").severity == 3);
  CHECK(one(table, R"("s":"?")").severity == 1);
  CHECK(one(table, "").severity == 1);
  CHECK(one(R"("severity":{"constant":6})", "").severity == 6);
  CHECK_THAT(reason(R"("severity":"/s")", R"({"id":"a","x":1,"y":2,"s":"high"})"),
             Catch::StartsWith("wrong_type /s is not a number"));
}

TEST_CASE("times: every format, and what is none") {
  const auto started = [](const std::string& how, const std::string& value) {
    return one(R"("started":)" + how, R"("t":)" + value).started;
  };
  CHECK(started(R"("/t")", R"("2024-01-02T03:04:05.5-03:00")") == at("2024-01-02T06:04:05.5Z"));
  CHECK(started(R"("/t")", R"("2024-01-02")") == at("2024-01-02T00:00:00Z"));
  CHECK(started(R"({"pointer":"/t","format":"unix_s"})", "1700000000.25") ==
        timestamp(std::chrono::milliseconds(1700000000250)));
  CHECK(started(R"({"pointer":"/t","format":"unix_s"})", R"("1700000000")") ==
        timestamp(std::chrono::seconds(1700000000)));
  CHECK(started(R"({"pointer":"/t","format":"unix_ms"})", "1700000000001") ==
        timestamp(std::chrono::milliseconds(1700000000001)));
  const auto pattern = [&](const std::string& format, const std::string& text, const std::string& zone = "") {
    return started(
        R"({"pointer":"/t","format":")" + format + "\"" + (zone.empty() ? "" : R"(,"zone":")" + zone + "\"") + "}",
        "\"" + text + "\"");
  };
  CHECK(pattern("%d/%m/%Y %H:%M", "31/12/2023 23:30", "-03:00") == at("2024-01-01T02:30:00Z"));
  CHECK(pattern("%d/%m/%Y %H:%M", "1/2/2023  3:04") == at("2023-02-01T03:04:00Z"));
  CHECK(pattern("%a, %d %b %Y %T %z", "Tue, 02 Jan 2024 03:04:05 +0530") == at("2024-01-01T21:34:05Z"));
  CHECK(pattern("%A %e %B %y", "Saturday  3 february 24") == at("2024-02-03T00:00:00Z"));
  CHECK(pattern("%m/%d/%Y %I:%M %p", "07/04/2024 12:05 AM") == at("2024-07-04T00:05:00Z"));
  CHECK(pattern("%m/%d/%Y %I:%M %p", "07/04/2024 12:05 pm", "+02:00") == at("2024-07-04T10:05:00Z"));
  CHECK(pattern("%FT%R", "2024-02-29T12:30") == at("2024-02-29T12:30:00Z"));
  CHECK(pattern("%Y%m%d%H%M%S.%f", "20240229123045.123456") == at("2024-02-29T12:30:45.123Z"));
  CHECK(pattern("%Y-%m-%d 100%%", "2024-02-29 100%") == at("2024-02-29T00:00:00Z"));
  CHECK(pattern("%F %Tz%z", "2024-02-29 01:02:03zZ") == at("2024-02-29T01:02:03Z"));
  CHECK_FALSE(one(R"("started":"/t")", R"("t":null)").started);
  CHECK_FALSE(one(R"("started":"/t")", R"("t":"")").started);

  const auto bad = [](const std::string& how, const std::string& value) {
    return reason(R"("updated":)" + how, R"({"id":"a","x":1,"y":2,"t":)" + value + "}");
  };
  CHECK_THAT(bad(R"("/t")", "1700000000"), Catch::StartsWith("bad_time /t is no time: 1700000000"));
  CHECK_THAT(bad(R"("/t")", R"("yesterday")"), Catch::StartsWith("bad_time"));
  CHECK_THAT(bad(R"({"pointer":"/t","format":"unix_s"})", "1e15"), Catch::StartsWith("bad_time"));
  CHECK_THAT(bad(R"({"pointer":"/t","format":"unix_ms"})", R"("soon")"), Catch::StartsWith("bad_time"));
  for (const auto* text : {"30/02/2024", "1/13/2024", "1/1/24", "01/01/2024x", "x01/01/2024", "01-01-2024", ""}) {
    if (*text == '\0') continue;
    CHECK_THAT(bad(R"({"pointer":"/t","format":"%d/%m/%Y"})", "\"" + std::string(text) + "\""),
               Catch::StartsWith("bad_time"));
  }
}

TEST_CASE("positions by two pointers: numbers, or their text") {
  CHECK(one("", R"("x":-0.0,"y":"51.5")").at == position{0, 51.5});
  CHECK(one(R"("position":{"lon":"/p/1","lat":"/p/0"})", R"("p":[10,20])").at == position{20, 10});
  CHECK(reason("", R"({"id":"a","x":1})") == "no_position nothing at /x");
  CHECK_THAT(reason("", R"({"id":"a","x":1,"y":"north"})"), Catch::StartsWith("wrong_type /x, /y is not a number"));
  CHECK_THAT(reason("", R"({"id":"a","x":1,"y":91})"), Catch::StartsWith("out_of_range /x, /y is nowhere"));
  const auto seen = read(R"("position":{"lon":"/x","lat":"/y","absent":"skip"})",
                         R"({"id":"a"},{"id":"b","x":1,"y":2},{"id":"c","x":1,"y":95})");
  CHECK(seen.skipped == 1);
  CHECK(seen.seen.events.size() == 1);
  CHECK(seen.seen.refused.size() == 1);
}

TEST_CASE("positions by geometry: a point that stands for each kind of it") {
  const auto stands_at = [](const std::string& geometry) {
    return one(R"("position":{"geometry":"/g"})", R"("g":)" + geometry).at;
  };
  CHECK(stands_at(R"({"type":"Point","coordinates":[1,2,3]})") == position{1, 2});
  CHECK(stands_at(R"({"type":"MultiPoint","coordinates":[[3,4],[5,6]]})") == position{3, 4});
  CHECK(stands_at(R"({"type":"LineString","coordinates":[[3,4],[5,6]]})") == position{3, 4});
  CHECK(stands_at(R"({"type":"MultiLineString","coordinates":[[[1,1],[2,2]],[[3,4],[5,6],[7,8]]]})") == position{3, 4});
  CHECK(stands_at(R"({"type":"Polygon","coordinates":[[[0,0],[4,0],[4,2],[0,2],[0,0]]]})") == position{2, 1});
  CHECK(stands_at(R"({"type":"Polygon","coordinates":[[[0,0],[4,0],[4,2],[0,2]]]})") == position{2, 1});  // left open
  // A U, whose centre is outside: the middle of the wider arm at that latitude.
  CHECK(stands_at(R"({"type":"Polygon","coordinates":[[[0,0],[10,0],[10,10],[6,10],[6,1],[2,1],[2,10],[0,10],[0,0]]]})")
            .lon == 8);
  // A square with a hole in its middle.
  const auto beside = stands_at(
      R"({"type":"Polygon","coordinates":[[[0,0],[9,0],[9,9],[0,9],[0,0]],[[2,2],[8,2],[8,8],[2,8],[2,2]]]})");
  CHECK(beside == position{1, 4.5});
  CHECK(
      stands_at(
          R"({"type":"MultiPolygon","coordinates":[[[[0,0],[1,0],[1,1],[0,0]]],[[[10,10],[14,10],[14,14],[10,14],[10,10]]]]})") ==
      position{12, 12});
  // Across the antimeridian.
  CHECK(stands_at(R"({"type":"Polygon","coordinates":[[[179,0],[-177,0],[-177,2],[179,2],[179,0]]]})") ==
        position{-179, 1});
  CHECK(stands_at(R"({"type":"GeometryCollection","geometries":[{"type":"Point","coordinates":[1,2]},
                      {"type":"Polygon","coordinates":[[[0,0],[4,0],[4,2],[0,2],[0,0]]]}]})") == position{2, 1});
  CHECK(stands_at(R"({"type":"GeometryCollection","geometries":[{"type":"Point","coordinates":[1,2]},
                      {"type":"LineString","coordinates":[[3,4],[5,6]]}]})") == position{3, 4});
  // No area at all: its first vertex.
  CHECK(stands_at(R"({"type":"Polygon","coordinates":[[[5,6],[5,6],[5,6],[5,6]]]})") == position{5, 6});

  const auto why = [](const std::string& geometry) {
    return reason(R"("position":{"geometry":"/g"})", R"({"id":"a","g":)" + geometry + "}");
  };
  CHECK_THAT(why("null"), Catch::StartsWith("no_position nothing at /g"));
  CHECK_THAT(why("7"), Catch::StartsWith("wrong_type a geometry is not an object"));
  CHECK_THAT(why(R"({"type":"Circle"})"), Catch::StartsWith("wrong_type a geometry of the type 'Circle'"));
  CHECK_THAT(why(R"({"type":"Point"})"), Catch::StartsWith("no_position"));
  CHECK_THAT(why(R"({"type":"Polygon","coordinates":[]})"), Catch::StartsWith("no_position the geometry is empty"));
  CHECK_THAT(why(R"({"type":"Polygon","coordinates":[7]})"), Catch::StartsWith("wrong_type"));
  CHECK_THAT(why(R"({"type":"Polygon","coordinates":[[[0,0],[400,0]]]})"), Catch::StartsWith("out_of_range"));
  CHECK_THAT(why(R"({"type":"GeometryCollection","geometries":[]})"), Catch::StartsWith("no_position"));
  CHECK_THAT(why(R"({"type":"GeometryCollection"})"), Catch::StartsWith("wrong_type"));
}

TEST_CASE("lines: a geometry, or vertices wherever they are") {
  const auto drawn = one(R"("line":"/g")", R"("g":{"type":"LineString","coordinates":[[3,4],[5,6]]})");
  CHECK(drawn.line == std::vector<position>{{3, 4}, {5, 6}});
  CHECK(drawn.at == position{3, 4});
  CHECK(one(R"("line":"/l")", R"("l":[[3,4],[5,6]])").line.size() == 2);
  CHECK(
      one(R"("line":{"pointer":"/l","lon":"/p/x","lat":"/p/y"})", R"("l":[{"p":{"x":"3","y":4}},{"p":{"x":5,"y":6}}])")
          .line == std::vector<position>{{3, 4}, {5, 6}});
  // Without a line, or with a single vertex, the position is asked.
  for (const auto* l : {R"("l":null)", R"("l":[])", R"("l":[[3,4]])", R"("l":{"type":"Point","coordinates":[3,4]})"}) {
    const auto e = one(R"("line":"/l")", l);
    CHECK(e.line.empty());
    CHECK(e.at == position{1, 2});
  }
  CHECK_THAT(reason(R"("line":"/l")", R"({"id":"a","x":1,"y":2,"l":"1,2 3,4"})"),
             Catch::StartsWith("wrong_type /l is neither"));
  CHECK_THAT(reason(R"("line":"/l")", R"({"id":"a","x":1,"y":2,"l":[[3,4],[5]]})"), Catch::StartsWith("no_position"));
  CHECK_THAT(reason(R"("line":"/l")", R"({"id":"a","x":1,"y":2,"l":[[3,4],[5,96]]})"),
             Catch::StartsWith("out_of_range"));
}

TEST_CASE("text, place and properties: what is listed, and nothing of a person") {
  const auto e = one(
      R"("text":{"coalesce":["/title","/name"]},"place":"/n","properties":{"speed":"/v/speed","tags":"/v","gone":"/g",
                        "fixed":{"constant":"x"}})",
      R"("name":"Fire 7","n":12,"v":{"speed":3.5,"userName":"somebody"},"other":1)");
  CHECK(e.text == "Fire 7");
  CHECK(e.place == "12");
  CHECK(e.properties == json::object{{"speed", 3.5}, {"tags", {{"speed", 3.5}}}, {"fixed", "x"}});
  CHECK_THAT(reason(R"("text":"/t")", R"({"id":"a","x":1,"y":2,"t":{"userName":"somebody"}})"),
             Catch::StartsWith("wrong_type"));
  CHECK(read(R"("text":"/t")", R"({"id":"a","x":1,"y":2,"t":[],"userName":"somebody"})")
            .seen.refused.at(0)
            .document.find("somebody") == std::string::npos);
}

TEST_CASE("where: records that do not match are skipped and counted") {
  const std::string records =
      R"({"id":"a","x":1,"y":2,"s":"on","n":1},{"id":"b","x":1,"y":2,"s":"off"},{"id":"c","x":1,"y":2},7)";
  const auto ids = [&](const std::string& where) {
    const auto seen = read(R"("where":)" + where, records);
    std::string out;
    for (const auto& e : seen.seen.events) out += e.id;
    return out + " " + std::to_string(seen.skipped) + " " + std::to_string(seen.seen.refused.size());
  };
  CHECK(ids(R"([{"pointer":"/s","values":["on"]}])") == "a 3 0");
  CHECK(ids(R"({"pointer":"/s","except":["on"]})") == "bc 1 1");
  CHECK(ids(R"(["/s"])") == "ab 2 0");
  CHECK(ids(R"([{"pointer":"/n","present":false},{"pointer":"/id","present":true}])") == "bc 2 0");
  CHECK(ids(R"([{"pointer":"/n","values":[1]}])") == "a 3 0");
}

TEST_CASE("ended and replaced events are ids, none of which the same answer says is there") {
  const std::string more =
      R"("ended":[{"pointer":"/state","values":["over"]},"/closed"],"aliases":["/also"],"replaces":["/old/*"])";
  const auto seen = read(more, R"({"id":"a","x":1,"y":2,"old":["z","y","a"]},
      {"id":"b","state":"over","also":"b2"},{"id":"c","closed":"2024-01-01"},{"id":"d","x":1,"y":2,"closed":null},
      {"id":"e","x":1,"y":2,"old":["d","x"]},{"id":"f","x":1,"y":200,"old":["not said: it is refused"]})");
  CHECK(seen.ended == std::vector<std::string>{"b", "b2", "c", "x", "y", "z"});
  REQUIRE(seen.seen.events.size() == 3);
  CHECK(seen.seen.events[0].aliases.empty());
  CHECK(seen.seen.refused.size() == 1);
}

TEST_CASE("a record without a position still ends what it takes the place of") {
  const auto seen = read(R"("position":{"lon":"/x","lat":"/y","absent":"skip"},"replaces":["/old/*"])",
                         R"({"id":"a","x":1,"y":2},{"id":"b","old":["z"]},{"id":"c","old":["a"]})");
  CHECK(seen.ended == std::vector<std::string>{"z"});
  CHECK(seen.seen.events.size() == 1);
  CHECK(seen.skipped == 2);
  CHECK(seen.unplaced == 2);
}

TEST_CASE("what a refusal quotes is cut between characters") {
  const auto detail = [](const std::string& more, const std::string& record) {
    return read(more, record).seen.refused.at(0).detail;
  };
  std::string long_text = "x";  // of two bytes each then: 80 bytes end inside of one
  for (int i = 0; i < 60; ++i) long_text += "é";
  const auto kind =
      detail(R"("kind":{"pointer":"/k","table":{"A":"a"}})", R"({"id":"a","x":1,"y":2,"k":")" + long_text + R"("})");
  CHECK_THAT(kind, Catch::EndsWith("'" + long_text.substr(0, 79) + "'"));
  const auto shown = detail("", R"({"id":"a","x":"x)" + long_text + R"(","y":2})");
  CHECK_THAT(shown, Catch::EndsWith("\"x" + long_text.substr(0, 77) + "…"));
}

TEST_CASE("documents: where the records are, when it is from, and whose it is") {
  const auto by = mapping::parse(mapping_text(R"("observed":{"pointer":"/at","format":"unix_s"})"), "m").value();
  const auto seen = decode(R"({"at":5,"r":[{"id":"a","x":1,"y":2},{"id":"a","x":3,"y":4}]})", by, {}).value();
  CHECK(seen.seen.observed == timestamp(std::chrono::seconds(5)));
  CHECK(seen.seen.events.at(0).source == "s");
  CHECK(seen.seen.events[0].at == position{3, 4});
  CHECK(seen.seen.duplicates == 1);
  CHECK(decode(R"({"r":[{"id":"a","x":1,"y":2}]})", by, {.source = "mine", .observed = timestamp{}})
            ->seen.events.at(0)
            .source == "mine");
  const auto why = [&](std::string_view document) { return decode(document, by, {}).error().detail; };
  CHECK_THAT(why(R"({"r":[]})"), Catch::Contains("when it is from"));
  CHECK_THAT(why(R"({"r":{}})"), Catch::Contains("no array at /r"));
  CHECK_THAT(why(R"([])"), Catch::Contains("no array at /r"));
  CHECK_THAT(why("<html>"), Catch::Contains("not JSON"));
  const auto whole =
      mapping::parse(mapping_text(R"("records":"","id":"/0","position":{"lon":"/1","lat":"/2"})"), "m").value();
  CHECK(decode(R"([["q",5,6]])", whole, {.observed = timestamp{}})->seen.events.at(0).at == position{5, 6});
  CHECK_THAT(decode("{}", whole, {.observed = timestamp{}}).error().detail,
             Catch::Contains("the document is not an array"));
}

namespace {

std::string file(const std::string& name) {
  std::ifstream in(std::filesystem::path(DISTSYS_SOURCE_DIR) / name, std::ios::binary);
  REQUIRE(in);
  return {std::istreambuf_iterator<char>(in), {}};
}

mapped_observation answer(const std::string& by, const std::string& document) {
  const auto m = mapping::parse(file("config/mappings/" + by), by);
  INFO((m ? "" : m.error().detail));
  REQUIRE(m.has_value());
  const auto seen = decode(file("tests/e2e/data/feeds/" + document), *m, {.observed = timestamp{}});
  REQUIRE(seen.has_value());
  return *seen;
}

}  // namespace

TEST_CASE("the alerts of the National Weather Service") {
  const auto seen = answer("nws-alerts.json", "nws-1.json");
  CHECK(seen.seen.observed == at("2026-05-04T21:15:00Z"));
  CHECK(seen.seen.refused.empty());
  CHECK(seen.skipped == 2);  // one without a shape, one test
  REQUIRE(seen.seen.events.size() == 3);
  const auto& tornado = seen.seen.events[0];
  CHECK(tornado.source == "nws");
  CHECK(tornado.id == "urn:oid:2.49.0.1.840.0.aaaa000000000000000000000000000000000001.001.1");
  CHECK(tornado.kind == "tornado");
  CHECK(tornado.subtype == "tornado_warning");
  CHECK(tornado.severity == 10);
  CHECK(tornado.at == position{-97.3, 35.1});
  CHECK(tornado.place == "Invented County, OK");
  CHECK_THAT(tornado.text, Catch::StartsWith("Tornado Warning issued"));
  CHECK(tornado.started == at("2026-05-04T21:10:00Z"));
  CHECK(tornado.expires == at("2199-05-04T22:00:00Z"));
  CHECK(tornado.properties.at("zones") == json::array{"OKC999"});
  const auto& flood = seen.seen.events[1];
  CHECK(flood.kind == "flood");
  CHECK(flood.severity == 7);
  CHECK(flood.at == position{-90.5, 31.5});
  CHECK(flood.started == at("2026-05-04T15:00:00Z"));  // effective: there is no onset
  CHECK(flood.expires == at("2199-05-05T15:00:00Z"));  // of the message: it does not say when it ends
  CHECK(seen.seen.events[2].kind == "weather");
  CHECK(seen.seen.events[2].text == "Marine Weather Statement");

  const auto later = answer("nws-alerts.json", "nws-2.json");
  REQUIRE(later.seen.events.size() == 1);
  CHECK(later.ended ==
        std::vector<std::string>{"urn:oid:2.49.0.1.840.0.aaaa000000000000000000000000000000000001.001.1",
                                 "urn:oid:2.49.0.1.840.0.aaaa000000000000000000000000000000000002.001.1",
                                 "urn:oid:2.49.0.1.840.0.aaaa000000000000000000000000000000000007.001.1"});
}

TEST_CASE("the natural events of EONET") {
  const auto seen = answer("eonet.json", "eonet-1.json");
  REQUIRE(seen.seen.events.size() == 3);
  CHECK(seen.seen.events[0].kind == "wildfire");
  CHECK(seen.seen.events[0].properties.at("magnitude") == 640.0);
  const auto& storm = seen.seen.events[1];
  CHECK(storm.kind == "storm");
  CHECK(storm.at == position{-179.5, -15.5});
  CHECK(storm.started == at("2026-08-02T00:00:00Z"));
  CHECK(storm.updated == at("2026-08-02T06:00:00Z"));
  CHECK(seen.seen.events[2].at == position{11, 50.5});
  CHECK(seen.ended == std::vector<std::string>{"EONET_90003"});
  REQUIRE(seen.seen.refused.size() == 1);
  CHECK(seen.seen.refused[0].reason == "no_position");
}

TEST_CASE("London's road disruptions, a plain array") {
  const auto seen = answer("tfl-roads.json", "tfl.json");
  REQUIRE(seen.seen.events.size() == 1);
  const auto& works = seen.seen.events[0];
  CHECK(works.kind == "construction");
  CHECK(works.subtype == "utility_works");
  CHECK(works.severity == 5);
  CHECK(works.at == position{-0.125, 51.5});
  CHECK(works.expires == at("2199-05-24T19:00:00Z"));
  CHECK(works.properties.at("closures") == true);
  CHECK(seen.ended == std::vector<std::string>{"TIMS-900002"});
  CHECK(seen.skipped == 1);
}
