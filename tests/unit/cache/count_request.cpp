#include "roles/cache/count_request.hpp"

#include "roles/cache/count_tile.hpp"
#include "roles/cache/purge.hpp"

#include <catch2/catch.hpp>

#include <string>

using namespace distsys;
using namespace distsys::roles::cache;
namespace geo = distsys::domain::geo;

namespace {

count_request read(const std::string& query) {
  auto r = read_count_request(query);
  INFO(query);
  if (!r) FAIL(r.error());
  return std::move(*r);
}

std::string refusal(const std::string& query) {
  const auto r = read_count_request(query);
  INFO(query);
  REQUIRE(r.has_error());
  return r.error().detail;
}

}  // namespace

TEST_CASE("counts are by kind with every filter, or by cell") {
  const auto kinds = read("bbox=0,0,1,1&kind=b,a&source=x&min_severity=2");
  CHECK_FALSE(kinds.by_cell);
  CHECK(kinds.query.kinds == std::vector<std::string>{"a", "b"});
  CHECK(kinds.query.sources == std::vector<std::string>{"x"});
  const auto cells = read("by=cell&level=3&kind=a");
  CHECK(cells.by_cell);
  CHECK(cells.cells.size() == 64);
  CHECK(read("by=kind&bbox=0,0,1,1").key == read("bbox=0.0,0,1,1").key);
  CHECK(read("by=cell&level=3").key != read("by=cell&level=4").key);
  CHECK(read("by=cell&level=3").key != read("").key);
}

TEST_CASE("what cannot be counted is refused by name") {
  CHECK(refusal("by=cell").find("level:") != std::string::npos);
  CHECK(refusal("near=1,1").find("near:") != std::string::npos);
  CHECK(refusal("level=2").find("level:") != std::string::npos);
  CHECK(refusal("by=cell&level=2&source=a").find("source:") != std::string::npos);
  CHECK(refusal("limit=2").find("limit:") != std::string::npos);
  CHECK(refusal("by=cell&level=10").find("at level 6") != std::string::npos);
}

TEST_CASE("counts of cells are those of the asked cells and kinds") {
  const auto wanted = read("by=cell&level=1&bbox=1,1,2,2&kind=jam");
  REQUIRE(wanted.cells.size() == 1);
  const auto t = std::make_shared<count_tile>();
  geo::quad_counts counted;
  counted.counts = {{geo::quad().children()[0], "jam", 7}, {wanted.cells[0], "fire", 2}, {wanted.cells[0], "jam", 3}};
  t->take(counted);
  const std::shared_ptr<const count_tile> tiles[] = {t};
  const std::string text = cells_json(wanted, tiles);
  CHECK(text.find(R"("total":3,)") != std::string::npos);
  CHECK(text.find(R"("kinds":{"jam":3})") != std::string::npos);
  CHECK(text.find("fire") == std::string::npos);
  CHECK(kinds_json({}) == R"({"by":"kind","total":0,"counts":{}})");
}

TEST_CASE("a purge is of everything, an area, a cell or a source") {
  CHECK(std::holds_alternative<roles::cache::everything>(*read_purge(R"({"all":true})")));
  CHECK(std::holds_alternative<geo::area>(*read_purge(R"({"bbox":[1,2,3,4]})")));
  CHECK(std::get<geo::quad>(*read_purge(R"({"cell":"w03"})")).name() == "w03");
  CHECK(std::get<std::string>(*read_purge(R"({"source":"usgs"})")) == "usgs");
  for (const char* bad : {"", "{}", "[]", R"({"all":false})", R"({"bbox":[1,2,3]})", R"({"bbox":[1,9,3,4]})",
                          R"({"cell":"x"})", R"({"source":""})", R"({"all":true,"source":"a"})"}) {
    INFO(bad);
    CHECK(read_purge(bad).has_error());
  }
}
