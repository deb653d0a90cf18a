#include <catch2/catch.hpp>
#include <set>

#include "distsys/domain/geo/codecs.hpp"
#include "distsys/foundation/text.hpp"
#include "shared_data.hpp"

using namespace distsys;
using namespace distsys::domain::geo;

namespace {

observation decoded(std::string_view document, decode_options options = {}) {
  const auto seen = decode(document, options);
  INFO((seen ? std::string() : seen.error().what()));
  REQUIRE(seen.has_value());
  return *seen;
}

const event& find(const observation& seen, std::string_view id) {
  for (const auto& e : seen.events)
    if (e.id == id) return e;
  FAIL("no event " << id);
  return seen.events.front();
}

timestamp at(std::string_view text) { return parse_time(text).value(); }

constexpr std::string_view live_map = R"({
  "endTimeMillis": 1700000060000, "startTimeMillis": 1700000000000, "endTime": "2023-11-14 22:14:20:000",
  "alerts": [
    {"uuid": "u-1", "id": "alert-99/u-1", "type": "ACCIDENT", "subtype": "ACCIDENT_MAJOR", "pubMillis": 1699999999000,
     "location": {"x": -70.5, "y": -33.25}, "street": "Calle Uno", "city": "Ciudad", "reliability": 8, "confidence": 3,
     "reportBy": "somebody", "reportByNickname": "nick", "reportByMunicipalityUser": "false", "nThumbsUp": 2,
     "reportDescription": "two cars", "wazeData": "somebody,-70.5,-33.25,u-1", "comments": [{"text": "x", "reportBy": "y"}]},
    {"uuid": "u-2", "type": "WEATHERHAZARD", "subtype": "", "location": {"x": 180, "y": 0}, "nearBy": "Cerca",
     "confidence": -1, "reportByMunicipalityUser": "true"}],
  "jams": [
    {"uuid": 1001, "id": 1001, "level": 3, "speed": 2.5, "speedKMH": 9, "length": 400, "delay": 104, "pubMillis": 1699999000000,
     "updateMillis": 1700000050000, "line": [{"x": -70.6, "y": -33.4}, {"x": -70.61, "y": -33.41}], "street": "Larga"},
    {"uuid": 1002, "level": 5, "speed": 0, "delay": -1, "blockType": "ROAD_CLOSED_EVENT",
     "line": [{"x": -70.6, "y": -33.4}], "causeAlert": {"uuid": "u-1", "reportBy": "somebody"}}],
  "users": [{"id": "user-0", "userName": "guest"}]})";

}  // namespace

TEST_CASE("a jam whose line would fill a stream is refused, and harms no other") {
  std::string line;
  for (int i = 0; i < 5000; ++i)
    line += std::string(i > 0 ? "," : "") + R"({"x": -70.123456, "y": -33.)" + std::to_string(100'000 + i) + "}";
  const auto seen = decoded(R"({"endTimeMillis": 1700000060000, "jams": [{"uuid": 1, "line": [)" + line +
                            R"(]}, {"uuid": 2, "line": [{"x": 1, "y": 2}]}]})");
  REQUIRE(seen.events.size() == 1);
  CHECK(seen.events[0].id == "jam-2");
  REQUIRE(seen.refused.size() == 1);
  CHECK(seen.refused[0].reason == "too_large");
}

TEST_CASE("a live-map answer becomes alerts and jams, and nothing about people") {
  const auto seen = decoded(live_map);
  CHECK(seen.observed == at("2023-11-14T22:14:20Z"));
  CHECK(seen.events.size() == 4);
  CHECK(seen.refused.empty());

  const auto& accident = find(seen, "alert-u-1");
  CHECK(accident.source == "waze");
  CHECK(accident.aliases == std::vector<std::string>{"alert-99/u-1"});
  CHECK(accident.kind == "accident");
  CHECK(accident.subtype == "accident_major");
  CHECK(accident.severity == 8);
  CHECK(accident.at == position{-70.5, -33.25});
  CHECK(accident.started == at("2023-11-14T22:13:19Z"));
  CHECK(accident.text == "two cars");
  CHECK(accident.place == "Calle Uno, Ciudad");
  CHECK_FALSE(accident.properties.contains("municipal"));

  const auto& weather = find(seen, "alert-u-2");
  CHECK(weather.kind == "hazard");
  CHECK(weather.place == "Cerca");
  CHECK(weather.properties.at("municipal") == true);

  const auto& jam = find(seen, "jam-1001");
  CHECK(jam.kind == "jam");
  CHECK(jam.severity == 6);
  CHECK(jam.line.size() == 2);
  CHECK(jam.at == jam.line.front());
  CHECK(jam.updated == at("2023-11-14T22:14:10Z"));
  CHECK(jam.properties.at("delay") == 104);

  const auto& blocked = find(seen, "jam-1002");
  CHECK(blocked.subtype == "road_closed_event");
  CHECK(blocked.properties.at("blocked") == true);
  CHECK_FALSE(blocked.properties.contains("delay"));
  CHECK(blocked.properties.at("causeAlert") == "alert-u-1");

  for (const auto& e : seen.events) {
    const auto feature = to_feature(e);
    CHECK(feature.find("somebody") == std::string::npos);
    CHECK(feature.find("nick") == std::string::npos);
    CHECK(feature.find("guest") == std::string::npos);
  }
}

TEST_CASE("alerts and jams that share a number are two events; a record that comes twice is one") {
  const auto seen = decoded(R"({"celdas": [
      {"data": {"alerts": [{"uuid": "7", "type": "JAM", "location": {"x": 1, "y": 2}}],
                "jams": [{"uuid": 7, "updateMillis": 2000, "line": [{"x": 1, "y": 2}], "street": "new"}]}},
      {"data": {"jams": [{"uuid": 7, "updateMillis": 1000, "line": [{"x": 1, "y": 2}], "street": "old"}]}},
      {"data": null}],
    "metadata": {"fecha_consulta": "2025-04-14 11:53:11"}})");
  CHECK(seen.observed == at("2025-04-14T15:53:11Z"));
  CHECK(seen.events.size() == 2);
  CHECK(seen.duplicates == 1);
  CHECK(find(seen, "jam-7").place == "new");
  REQUIRE(seen.refused.size() == 1);
  CHECK(seen.refused[0].reason == "wrong_type");
}

TEST_CASE("local time of Santiago follows the law of each year") {
  const auto observed = [](std::string local) {
    const auto t = observation_time(json::object{{"metadata", json::object{{"fecha_consulta", local}}}});
    return t ? format_time(*t) : "none";
  };
  CHECK(observed("2025-01-15 12:00:00") == "2025-01-15T15:00:00.000Z");
  CHECK(observed("2025-04-05 22:59:59") == "2025-04-06T01:59:59.000Z");
  CHECK(observed("2025-04-05 23:30:00") == "2025-04-06T03:30:00.000Z");  // comes twice: the second
  CHECK(observed("2025-04-06 00:00:00") == "2025-04-06T04:00:00.000Z");
  CHECK(observed("2025-09-06 23:59:59") == "2025-09-07T03:59:59.000Z");
  CHECK(observed("2025-09-07 01:00:00") == "2025-09-07T04:00:00.000Z");
  CHECK(observed("2022-09-08 12:00:00") == "2022-09-08T16:00:00.000Z");
  CHECK(observed("2022-09-11 12:00:00") == "2022-09-11T15:00:00.000Z");
  CHECK(observed("yesterday") == "none");
}

TEST_CASE("a bad record is refused for one of five reasons and harms no other") {
  const auto seen = decoded(R"({"endTime": "2025-04-09 18:04:00:000", "alerts": [
      {"uuid": "good", "type": "POLICE", "location": {"x": 1, "y": 2}},
      {"uuid": "a", "type": "POLICE", "reportBy": "somebody"},
      {"uuid": "b", "type": "POLICE", "location": {"x": 1}},
      {"uuid": "c", "type": "POLICE", "location": {"x": 1, "y": 91}},
      {"uuid": "d", "type": "POLICE", "location": {"x": "NaN", "y": 2}},
      {"uuid": "e", "type": 5, "location": {"x": 1, "y": 2}},
      {"type": "POLICE", "location": {"x": 1, "y": 2}},
      {"uuid": "f", "type": "POLICE", "location": {"x": 1, "y": 2}, "pubMillis": "soon"},
      {"uuid": "g", "type": "POLICE", "location": {"x": 1, "y": 2}, "pubMillis": 1e300},
      7, null],
    "jams": [
      {"uuid": 1, "line": []},
      {"uuid": 2, "line": [{"x": 1, "y": 2}, {"x": 181, "y": 2}]},
      {"uuid": 3, "line": [{"x": 1, "y": 2}], "level": 6},
      {"uuid": 4, "line": "here"},
      {"uuid": 5.5, "line": [{"x": 1, "y": 2}]},
      {"uuid": 6, "line": [{"x": 1, "y": 2}], "delay": -2}]})");
  CHECK(seen.observed == at("2025-04-09T18:04:00Z"));
  CHECK(seen.events.size() == 1);
  std::vector<std::string> reasons;
  for (const auto& r : seen.refused) {
    reasons.push_back(r.reason);
    CHECK(!r.detail.empty());
    CHECK(r.document.find("somebody") == std::string::npos);
  }
  CHECK(reasons == std::vector<std::string>{"no_position", "no_position", "out_of_range", "wrong_type", "wrong_type",
                                            "no_id", "bad_time", "bad_time", "wrong_type", "wrong_type", "no_position",
                                            "out_of_range", "out_of_range", "wrong_type", "wrong_type",
                                            "out_of_range"});
}

TEST_CASE("what is not a whole answer is refused whole") {
  const auto refused = [](std::string_view text) {
    const auto seen = decode(text, {.observed = timestamp{}});
    REQUIRE(seen.has_error());
    CHECK(seen.error().code == errc::invalid);
    return seen.error().detail;
  };
  CHECK_THAT(refused(live_map.substr(0, 300)), Catch::Contains("truncated"));
  CHECK_THAT(refused("callback({\"alerts\": []});"), Catch::Contains("not JSON"));
  refused("");
  refused("[]");
  refused("{}");
  refused(R"({"error": "slow down"})");
  refused(R"({"alerts": "none"})");
  refused(R"({"celdas": {}})");
  CHECK(decode(R"({"alerts": []})", {}).error() == errc::invalid);  // from when?
  CHECK(decode(R"({"alerts": [], "jams": null})", {.observed = timestamp{}})->events.empty());
}

TEST_CASE("the partner feed's irregularities are events") {
  const auto seen = decoded(R"({"endTimeMillis": 1700000060000, "irregularities": [
    {"id": 5, "type": "Small", "severity": 2.5, "line": [{"x": 1, "y": 2}, {"x": 1.5, "y": 2}], "street": "S",
     "detectionDateMillis": 1700000000000, "updateDateMillis": 1700000050000, "delaySeconds": 40}]})");
  const auto& e = find(seen, "irregularity-5");
  CHECK(e.kind == "irregularity");
  CHECK(e.subtype == "small");
  CHECK(e.severity == 5);
  CHECK(e.properties.at("delaySeconds") == 40);
}

TEST_CASE("personal data goes at any depth") {
  const auto clean = boost::json::serialize(without_personal_data(
      json::parse(
          R"({"users": [1], "a": [{"reportBy": "p1", "b": {"userName": "p2", "reportByNickname": "p3", "k": 1}}],
                      "wazeData": "p4", "reportByMunicipalityUser": "false"})")
          .value()));
  CHECK(clean.find("p1") == std::string::npos);
  CHECK(clean.find("p2") == std::string::npos);
  CHECK(clean.find("p3") == std::string::npos);
  CHECK(clean.find("p4") == std::string::npos);
  CHECK(clean.find("users") == std::string::npos);
  CHECK(clean.find("\"k\":1") != std::string::npos);
  CHECK(clean.find("MunicipalityUser") != std::string::npos);
}

TEST_CASE("the real Waze recordings: every good record, and jq's counts", "[data]") {
  const auto first = tests::shared_data("waze/waze_data.json");
  const auto second = tests::shared_data("waze/waze_data_20250409-140719.json");
  const auto grid = tests::shared_data("waze/waze_santiago_20250414-115311.json");
  const auto truncated = tests::shared_data("waze/waze_santiago_20250411-235040.json");
  if (!first || !second || !grid || !truncated) return;

  const auto ids = [](const observation& seen, std::string_view prefix) {
    std::set<std::string> found;
    for (const auto& e : seen.events)
      if (e.id.starts_with(prefix)) found.insert(e.id);
    return found;
  };
  const auto one = decoded(*first), two = decoded(*second), many = decoded(*grid);
  CHECK(one.observed == at("2025-04-09T18:04:00Z"));
  CHECK(two.observed == at("2025-04-09T18:05:00Z"));
  CHECK(many.observed == at("2025-04-14T15:53:11Z"));
  for (const auto* seen : {&one, &two, &many}) CHECK(seen->refused.empty());
  CHECK(ids(one, "alert-").size() == 70);
  CHECK(ids(one, "jam-").size() == 86);
  CHECK(ids(two, "alert-").size() == 73);
  CHECK(ids(two, "jam-").size() == 82);
  CHECK(ids(many, "alert-").size() == 612);
  CHECK(ids(many, "jam-").size() == 493);
  CHECK(many.duplicates == 15);
  std::size_t again = 0;
  for (const auto& id : ids(two, "alert-")) again += ids(one, "alert-").count(id);
  CHECK(again == 69);

  const auto refused = decode(*truncated, {});
  REQUIRE(refused.has_error());
  CHECK_THAT(refused.error().detail, Catch::Contains("truncated") && Catch::Contains("11412"));

  // No nickname of the documents is in what is stored.
  for (const auto* text : {&*first, &*second, &*grid}) {
    std::set<std::string> nicknames;
    for (std::size_t i = 0; (i = text->find("\"reportBy\": \"", i)) != std::string::npos;) {
      i += 13;
      nicknames.insert(text->substr(i, text->find('"', i) - i));
    }
    CHECK(nicknames.size() > 10);
    for (const auto& e : decoded(*text).events) {
      const auto feature = to_feature(e);
      for (const auto& nickname : nicknames)
        if (nickname.starts_with("world_")) REQUIRE(feature.find(nickname) == std::string::npos);
    }
  }
}
