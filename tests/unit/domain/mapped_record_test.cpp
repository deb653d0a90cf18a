// What becomes of the records of a mapped feed.
#include "mapping_support.hpp"

using namespace distsys;
using namespace distsys::domain::geo;

TEST_CASE("a mapped record that would be stored as more than 64 KiB is refused") {
  const std::string text(66'000, 'x');
  CHECK(reason(R"("text":"/t")", R"({"id":"a","x":1,"y":2,"t":")" + text + "\"}").starts_with("too_large "));
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
  CHECK(seen.unplaced_names == std::vector<std::string>{"b", "c"});
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
