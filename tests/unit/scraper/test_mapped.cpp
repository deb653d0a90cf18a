#include "roles/scraper/ingest.hpp"
#include "roles/scraper/source_mapped.hpp"
#include "roles/scraper/source_replay.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/loops.hpp"
#include "tests/support/scratch_dir.hpp"

#include <fstream>

using namespace distsys::roles::scraper;
using namespace distsys;

namespace {

const std::string points = R"({"source":"points","records":"","id":"/i","kind":{"constant":"k"},
  "position":{"lon":"/x","lat":"/y"},"where":{"pointer":"/off","present":false},"ended":"/over"})";

struct folder {
  tests::scratch_dir at;
  std::string put(const std::string& name, const std::string& text) const {
    const auto path = at.path() / name;
    std::ofstream(path) << text;
    return path.string();
  }
};

std::string why(const std::string& address, const mapping_set& mappings) {
  const auto made = make_mapped_feeds(url::parse(address).value(), mappings, {}, {}, nullptr);
  return made ? "" : made.error().detail;
}

}  // namespace

TEST_CASE_METHOD(folder, "mappings have the name that they say or are given, and no two the same") {
  const auto file = put("points.json", points);
  const auto set = mapping_set::load({file, "other=" + file, ""}).value();
  CHECK(set.names() == "other, points");
  CHECK(set.find("other") != nullptr);
  CHECK(set.find("Other") == nullptr);
  CHECK(mapping_set{}.names() == "none");
  CHECK_THAT(mapping_set::load({file, "points=" + file}).error().detail,
             Catch::Contains("another mapping named 'points'"));
  const auto bad = mapping_set::load({put("bad.json", "{}"), put("worse.json", "["), "nowhere/x.json"}).error();
  CHECK(bad.code == errc::invalid);
  CHECK_THAT(bad.detail, Catch::Contains("bad.json: /source: expected") &&
                             Catch::Contains("worse.json: JSON is truncated") &&
                             Catch::Contains("nowhere/x.json: No such file"));
  // Not a NAME that could be one: part of the path.
  CHECK_THAT(mapping_set::load({"A=x.json"}).error().detail, Catch::StartsWith("A=x.json: "));
}

TEST_CASE_METHOD(folder, "a mapped feed finds its mapping by its name") {
  const auto set = mapping_set::load({put("points.json", points)}).value();
  const auto made = make_mapped_feeds(url::parse("mapped+https://h/x?a=1#points").value(), set, {},
                                      {{"points", "X-Key", "1"}}, nullptr);
  REQUIRE(made.has_value());
  REQUIRE(made->size() == 1);
  CHECK((*made)[0]->name() == "points");
  CHECK((*made)[0]->identity().host == "h");
  CHECK(check_feeds(*made, {{"h", "X-Key", "1"}}).has_value());
  CHECK_THAT(why("mapped+https://h/x#point", set), Catch::Contains("no mapping is named 'point' (there is points)"));
  CHECK_THAT(why("mapped+https://h/x", set), Catch::Contains("ends in #NAME"));
  CHECK_THAT(why("mapped+https://h/x#Points", set), Catch::Contains("ends in #NAME"));
  CHECK_FALSE(check_mapped_address(url::parse("mapped+https:#points").value()));
  CHECK(check_mapped_address(url::parse("mapped+http://h:81/x#points").value()));
}

TEST_CASE_METHOD(folder, "an answer with a mapping is read by it, whatever it looks like") {
  answer a;
  a.mapping = mapping_set::load({put("points.json", points)}).value().find("points");
  a.source = "mine";
  a.observed = runtime::timestamp{};
  a.only = {parse_area("1/1/100km").value()};
  a.document = R"([{"i":1,"x":1,"y":1},{"i":2,"x":50,"y":1},{"i":3,"over":true},{"i":4,"off":1},{"i":5}])";
  const auto read = decode_answer(a).value();
  REQUIRE(read.seen.events.size() == 1);
  CHECK(read.seen.events[0].source == "mine");
  CHECK(read.ended.at("mine") == std::vector<std::string>{"3"});
  CHECK(read.skipped == 1);
  CHECK(read.records == 5);
  CHECK(read.seen.refused.size() == 1);
  CHECK(read.source == "mine");
  a.document = R"({"alerts":[]})";
  CHECK(decode_answer(a).error().detail == "the document is not an array");
  a.document = "<html>";
  CHECK(decode_answer(a).error().detail == "HTML or XML, not JSON");
}

TEST_CASE_METHOD(folder, "a replay finds mappings by the source of a recording or by the manifest") {
  const auto set = mapping_set::load({put("points.mapping", points)}).value();
  put("20250409T180400.000Z-points.json", "[]");
  put("20250409T180500.000Z-other.json", "[]");
  put("b.json", "[]");
  put("c.json", "[]");
  put("manifest.json", R"({"files":[{"name":"b.json","observed":"2025-04-09T18:06:00Z","mapping":"points"},
                                    {"name":"c.json","observed":"2025-04-09T18:07:00Z","mapping":"lines"}]})");
  tests::running_loops loops;
  const auto lane = std::make_shared<runtime::blocking_lane>("files", 8);
  replay_feed f(at.path(), 0, 1 << 20, lane, set);
  const auto first = loops.run(f.ask());
  CHECK(first.said->mapping == set.find("points"));
  CHECK(first.said->source == "points");
  CHECK_FALSE(loops.run(f.ask()).said->mapping);
  const auto listed = loops.run(f.ask());
  CHECK(listed.said->mapping == set.find("points"));
  CHECK(listed.said->source == "points");
  const auto last = loops.run(f.ask());
  CHECK_THAT(last.failed->detail, Catch::Contains("wants the mapping 'lines' (there is points)"));
  CHECK(last.finished);
}
