#include "roles/scraper/simulated_city.hpp"
#include "roles/scraper/source_sim.hpp"

#include "distsys/domain/geo/codecs.hpp"
#include "roles/scraper/ingest.hpp"
#include "tests/support/catch.hpp"

#include <map>
#include <set>

using namespace distsys::roles::scraper;
using namespace std::chrono_literals;
namespace geo = distsys::domain::geo;
using geo::timestamp;

namespace {

const timestamp morning = timestamp(std::chrono::sys_days(std::chrono::year{2025} / 4 / 9)) + 12h;  // 8:00 in Santiago

simulated_city santiago(std::uint64_t seed = 1, double density = 1) {
  return simulated_city(*find_place("santiago"), seed, density);
}

std::map<std::string, std::string> features(const std::vector<geo::event>& events) {
  std::map<std::string, std::string> out;
  for (const auto& e : events) out[e.id] = geo::to_feature(e);
  return out;
}

}  // namespace

TEST_CASE("a scene depends on seed and time alone") {
  const auto city = santiago();
  const auto first = city.at(morning);
  for (int s = 0; s < 300; s += 7) city.at(morning + std::chrono::seconds(s));
  CHECK(features(first.active) == features(city.at(morning).active));
  CHECK(features(first.active) == features(santiago().at(morning).active));
  CHECK(features(first.active) != features(santiago(2).at(morning).active));
}

TEST_CASE("a map looks alive: tens of events of every kind, and a change every second or two") {
  const auto city = santiago();
  for (const auto begin : {morning, morning + 18h}) {  // rush hour, and the small hours
    std::set<std::string> kinds;
    int changes = 0, appeared = 0, ended = 0;
    auto before = features(city.at(begin).active);
    for (int s = 1; s <= 120; ++s) {
      const auto scene = city.at(begin + std::chrono::seconds(s));
      REQUIRE(scene.active.size() >= 30);
      REQUIRE(scene.active.size() <= 110);
      for (const auto& e : scene.active) kinds.insert(e.kind);
      auto now = features(scene.active);
      for (const auto& [id, text] : now) {
        const auto known = before.find(id);
        appeared += known == before.end();
        changes += known != before.end() && known->second != text;
      }
      for (const auto& [id, text] : before) ended += !now.contains(id);
      before = std::move(now);
    }
    CHECK(kinds.size() == 5);
    CHECK(changes + appeared + ended >= 60);
    CHECK(appeared >= 12);
    CHECK(ended >= 12);
  }
}

TEST_CASE("what was there and is gone is told as ended, whatever the polling") {
  const auto city = santiago(7);
  for (const auto gap : {1s, 13s, 45s}) {
    std::set<std::string> active;
    for (auto t = morning; t < morning + 20min; t += gap) {
      const auto scene = city.at(t);
      std::set<std::string> now, ended;
      for (const auto& e : scene.active) now.insert(e.id);
      for (const auto& e : scene.ended) ended.insert(e.id);
      for (const auto& id : active) {
        INFO(id);
        REQUIRE(now.contains(id) != ended.contains(id));
      }
      active = std::move(now);
    }
  }
}

TEST_CASE("events are sound: on the road, in time, jams with their line") {
  const auto city = santiago();
  const geo::circle around{{-70.66, -33.45}, 20'000};
  for (auto t = morning; t < morning + 1h; t += 31s) {
    for (const auto& e : city.at(t).active) {
      REQUIRE(geo::contains(around, e.at));
      REQUIRE(e.severity >= 0);
      REQUIRE(e.severity <= 10);
      REQUIRE(*e.started <= *e.updated);
      REQUIRE(*e.updated <= t);
      REQUIRE(*e.expires > t);
      if (e.kind != "jam") continue;
      REQUIRE(e.line.size() >= 2);
      REQUIRE(e.line.front() == e.at);
      for (std::size_t i = 1; i < e.line.size(); ++i) REQUIRE(geo::distance_m(e.line[i - 1], e.line[i]) < 320);
    }
  }
}

TEST_CASE("every place can be simulated, there is more traffic at rush hour, and density scales") {
  for (const auto& p : places()) {
    INFO(p.name);
    for (const auto& e : simulated_city(p, 3, 1).at(morning).active) REQUIRE(geo::valid(e.at));
  }
  const auto city = santiago();
  CHECK(city.rush(morning) > 3 * city.rush(morning + 19h));
  std::size_t day = 0, night = 0;
  for (int i = 0; i < 30; ++i) {
    day += city.at(morning + std::chrono::seconds(60 * i)).active.size();
    night += city.at(morning + 19h + std::chrono::seconds(60 * i)).active.size();
  }
  CHECK(10 * day > 11 * night);
  CHECK(santiago(1, 10).at(morning).active.size() > 8 * city.at(morning).active.size());
}

TEST_CASE("the document of a scene decodes to the scene, with its ended events apart") {
  const auto scene = santiago().at(morning);
  answer a;
  a.document = sim_feed::document(scene, morning, {});
  const auto back = decode_answer(a).value();
  CHECK(back.seen.observed == morning);
  CHECK(back.seen.refused.empty());
  CHECK(features(back.seen.events) == features(scene.active));
  REQUIRE(back.ended.contains("sim"));
  CHECK(back.ended.at("sim").size() == scene.ended.size());
}

TEST_CASE("sim: names its parameters") {
  using distsys::url;
  CHECK(make_sim_feed(url::parse("sim:").value()));
  CHECK(make_sim_feed(url::parse("sim:?city=tokyo&seed=9&density=0.5").value()));
  for (const char* text : {"sim:?city=atlantis", "sim:?seed=x", "sim:?density=0", "sim:?sed=1", "sim:santiago"}) {
    INFO(text);
    CHECK_FALSE(make_sim_feed(url::parse(text).value()));
  }
}
