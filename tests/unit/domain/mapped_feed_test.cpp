// The mappings that are shipped, on recordings of their feeds.
#include "mapping_support.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>

using namespace distsys;
using namespace distsys::domain::geo;

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
