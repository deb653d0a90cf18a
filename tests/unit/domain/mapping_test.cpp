// What a mapping file may say.
#include "mapping_support.hpp"

using namespace distsys;
using namespace distsys::domain::geo;

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
