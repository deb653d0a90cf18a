#include "roles/scraper/ingest.hpp"

#include "tests/support/catch.hpp"

using namespace distsys::roles::scraper;
using distsys::errc;

namespace {

answer with(std::string document) {
  answer a;
  a.document = std::move(document);
  a.observed = distsys::runtime::timestamp(std::chrono::milliseconds(1'744'221'840'000));
  return a;
}

std::string why(std::string document) {
  const auto decoded = decode_answer(with(std::move(document)));
  REQUIRE_FALSE(decoded);
  CHECK(decoded.error().code == errc::invalid);
  return decoded.error().detail;
}

}  // namespace

TEST_CASE("a document that is refused says what it is instead") {
  CHECK(why("") == "the document is empty");
  CHECK(why("  \r\n ") == "the document is empty");
  CHECK(why("eqfeed_callback({\"type\":\"FeatureCollection\"});").find("JSONP") != std::string::npos);
  CHECK(why("<!DOCTYPE html><html>").find("HTML") != std::string::npos);
  CHECK(why(R"({"alerts":[{"uuid":"a","loc)") == "JSON is truncated: it ends unfinished at byte 27");
  CHECK_FALSE(why(R"({"error":"no"})").empty());
  CHECK_FALSE(why("[1,2]").empty());
}

TEST_CASE("what the source says is deleted is over, and what is elsewhere is left out") {
  auto a = with(R"({"type":"FeatureCollection","features":[
    {"type":"Feature","id":"a","geometry":{"type":"Point","coordinates":[1,1]},"properties":{"status":"reviewed"}},
    {"type":"Feature","id":"b","geometry":{"type":"Point","coordinates":[1,1]},"properties":{"status":"deleted"}},
    {"type":"Feature","id":"c","geometry":{"type":"Point","coordinates":[50,1]},"properties":{}},
    {"type":"Feature","id":"d","geometry":null,"properties":{}}]})");
  a.source = "feed";
  a.only = {parse_area("1/1/100km").value()};
  const auto decoded = decode_answer(a).value();
  REQUIRE(decoded.seen.events.size() == 1);
  CHECK(decoded.seen.events[0].id == "a");
  CHECK(decoded.seen.events[0].source == "feed");
  CHECK(decoded.ended.at("feed") == std::vector<std::string>{"b"});
  REQUIRE(decoded.seen.refused.size() == 1);
  CHECK(decoded.seen.refused[0].reason == "no_position");
}

TEST_CASE("what a feed says of another source is the feed's own") {
  auto a = with(R"({"type":"FeatureCollection","features":[{"type":"Feature","id":"usgs/e0",
    "geometry":{"type":"Point","coordinates":[1,1]},
    "properties":{"source":"usgs","id":"e0","kind":"quake","status":"deleted"}},{"type":"Feature","id":"usgs/e1",
    "geometry":{"type":"Point","coordinates":[1,1]},"properties":{"source":"usgs","id":"e1","kind":"quake"}}]})");
  a.source = "feed";
  const auto foreign = decode_answer(a).value();
  REQUIRE(foreign.seen.events.size() == 1);
  CHECK(foreign.seen.events[0].source == "feed");
  CHECK(foreign.seen.events[0].id == "usgs/e1");
  CHECK(foreign.ended.at("feed") == std::vector<std::string>{"usgs/e0"});
  CHECK(foreign.ended.size() == 1);
  a.trusted_own = true;
  const auto trusted = decode_answer(a).value();
  REQUIRE(trusted.seen.events.size() == 1);
  CHECK(trusted.seen.events[0].source == "usgs");
  CHECK(trusted.seen.events[0].id == "e1");
  CHECK(trusted.ended.at("usgs") == std::vector<std::string>{"e0"});
}

TEST_CASE("a recording holds no personal data") {
  const auto text = recordable(
      R"({"alerts":[{"uuid":"a","reportBy":"someone","location":{"x":1,"y":2}}],"users":[{"userName":"guest"}]})");
  REQUIRE(text);
  CHECK(text->find("someone") == std::string::npos);
  CHECK(text->find("users") == std::string::npos);
  CHECK(text->find("\"uuid\":\"a\"") != std::string::npos);
  CHECK_FALSE(recordable("{"));
}

TEST_CASE("the summary is a table") {
  tally t;
  t.count_answer("waze", answer_outcome::fresh);
  t.count_events("waze", {.added = 12, .changed = 3, .unchanged = 4, .older = 5, .ended = 6});
  CHECK(t.count_refused("waze", "no_position", 2));
  CHECK_FALSE(t.count_refused("waze", "no_position"));
  t.document_refused("waze", "bad.json", "truncated after 7 bytes");
  CHECK_FALSE(t.all_failed());
  t.failed("usgs", "unavailable: refused");
  const auto text = t.summary(std::chrono::milliseconds(1500));
  INFO(text);
  CHECK(text.find("scraped once in 1500ms") != std::string::npos);
  CHECK(text.find("waze          2   12        3          4      5      6        3                  1\n") !=
        std::string::npos);
  CHECK(text.find("no_position  3") != std::string::npos);
  CHECK(text.find("refused  bad.json: truncated after 7 bytes") != std::string::npos);
  CHECK(text.find("failed   unavailable: refused") != std::string::npos);
  tally none;
  none.failed("x", "y");
  CHECK(none.all_failed());
}
