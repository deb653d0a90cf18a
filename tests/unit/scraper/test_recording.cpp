#include "roles/scraper/recording.hpp"
#include "roles/scraper/source_replay.hpp"

#include "distsys/foundation/text.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/loops.hpp"

#include <unistd.h>

#include <fstream>

using namespace distsys::roles::scraper;
using namespace std::chrono_literals;
using distsys::errc;
namespace fs = std::filesystem;

namespace {

struct directory {
  fs::path path = fs::temp_directory_path() / ("distsys-recording-" + std::to_string(::getpid()));
  directory() {
    fs::remove_all(path);
    fs::create_directories(path);
  }
  ~directory() { fs::remove_all(path); }
  void put(const std::string& name, const std::string& text) const { std::ofstream(path / name) << text; }
};

distsys::runtime::timestamp at(std::string_view text) { return distsys::parse_time(text).value(); }

std::vector<std::string> names(const std::vector<recorded_file>& files) {
  std::vector<std::string> out;
  out.reserve(files.size());
  for (const auto& f : files) out.push_back(f.path.filename().string());
  return out;
}

}  // namespace

TEST_CASE("our own names are read back; times are found in others") {
  const auto t = at("2025-04-09T18:04:00.123Z");
  CHECK(make_name(t, "waze") == "20250409T180400.123Z-waze.json");
  CHECK(make_name(t, "../x y", 1) == "20250409T180400.123Z-___x_y.2.json");
  const auto own = read_name(make_name(t, "my-feed", 3));
  CHECK(own.own);
  CHECK(own.observed == t);
  CHECK(own.source == "my-feed");
  CHECK(read_name(make_name(t, "")).source.empty());
  for (const char* source : {"127.0.0.1-1f0c83a2", "my.feed", "v.2", "v.2.3", "a..b", "10.0.0.1"}) {
    CHECK(read_name(make_name(t, source)).source == source);
    CHECK(read_name(make_name(t, source, 1)).source == source);
    CHECK(make_name(t, source) != make_name(t, source, 1));
  }

  CHECK(read_name("waze_data_20250409-140719.json").observed == at("2025-04-09T14:07:19Z"));
  CHECK(read_name("feed-2025-04-09_14-07-19.json").observed == at("2025-04-09T14:07:19Z"));
  CHECK(read_name("feed 2025-04-09T14:07:19.json").observed == at("2025-04-09T14:07:19Z"));
  CHECK_FALSE(read_name("waze_data.json").observed);
  CHECK_FALSE(read_name("20259909-140719.json").observed);
  CHECK_FALSE(read_name("usgs_all_day_2019-01-30_ubc.geojson").observed);
}

TEST_CASE("a file is no recording, and the reason says what is") {
  const directory d;
  d.put("b.json", "{}");
  const auto refused = list_recordings(d.path / "b.json");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::invalid);
  CHECK(refused.error().detail ==
        (d.path / "b.json").string() +
            " is not a directory: replay: wants one with recordings in it, as replay:" + d.path.string());
}

TEST_CASE("recordings are played in the order of their observation") {
  const directory d;
  d.put("b.json", R"({"alerts":[],"endTimeMillis":1744221900000})");
  d.put("a_20250409-180600.json", R"({"alerts":[]})");
  d.put("20250409T180401.000Z-x.json", "{");
  d.put("listed.json", R"({"alerts":[],"endTimeMillis":1})");
  d.put("notime.geojson", "nonsense");
  d.put("README.md", "not a recording");
  d.put(".20250409T180402.000Z-x.json.part", "half");
  d.put("manifest.json", R"({"files":[{"name":"listed.json","observed":"2025-04-09T18:05:30Z","source":"waze"}]})");
  const auto files = list_recordings(d.path).value();
  CHECK(names(files) == std::vector<std::string>{"20250409T180401.000Z-x.json", "b.json", "listed.json",
                                                 "a_20250409-180600.json", "notime.geojson"});
  CHECK(files[2].source == "waze");
  CHECK_FALSE(files[4].observed);

  d.put("manifest.json", R"({"only":true,"files":[{"name":"b.json"}]})");
  CHECK(names(list_recordings(d.path).value()) == std::vector<std::string>{"b.json"});
  d.put("manifest.json", R"({"files":[{"name":"b.json","observed":"yesterday"}]})");
  CHECK(list_recordings(d.path).error().code == errc::invalid);
  CHECK(list_recordings(d.path / "none").error().code == errc::not_found);
}

TEST_CASE("a recorder writes each answer once, whole, and what it writes can be listed") {
  const directory d;
  auto r = recorder::open(d.path / "deep" / "er").value();
  const auto t = at("2025-04-09T18:04:00Z");
  REQUIRE(r.write(t, "x", "one"));
  REQUIRE(r.write(t, "x", "one"));
  REQUIRE(r.write(t, "x", "two"));
  REQUIRE(r.write(t - 1s, "x", "zero"));
  const auto files = list_recordings(d.path / "deep" / "er").value();
  REQUIRE(files.size() == 3);
  CHECK(read_whole(files[0].path, 100).value() == "zero");
  CHECK(read_whole(files[1].path, 100).value() != read_whole(files[2].path, 100).value());
  CHECK(read_whole(files[1].path, 2).error().code == errc::too_large);
  d.put("file", "");
  CHECK_FALSE(recorder::open(d.path / "file"));
}

namespace {

distsys::awaitable<std::vector<poll_result>> ask_all(feed& f) {
  std::vector<poll_result> out;
  do {
    out.push_back(co_await f.ask());
  } while (!out.back().finished && out.size() < 100);
  co_return out;
}

}  // namespace

TEST_CASE("a replay keeps the recording's timing, scaled, or none") {
  const directory d;
  d.put("20250409T180400.000Z-x.json", "1");
  d.put("20250409T180402.000Z-x.json", "2");
  d.put("20250409T180412.000Z-x.json", "3");
  distsys::tests::running_loops loops;
  const auto lane = std::make_shared<distsys::runtime::blocking_lane>("files", 10);
  for (const auto& [speed, first, second] :
       {std::tuple{1.0, 2000ms, 10'000ms}, {4.0, 500ms, 2500ms}, {0.0, 0ms, 0ms}}) {
    replay_feed f(d.path, speed, 100, lane);
    const auto polls = loops.run(ask_all(f));
    REQUIRE(polls.size() == 3);
    CHECK(polls[0].said->document == "1");
    CHECK(polls[0].wait == first);
    CHECK(polls[1].wait == second);
    CHECK(polls[2].finished);
    CHECK(polls[2].said->observed == at("2025-04-09T18:04:12Z"));
    CHECK(polls[2].said->source == "x");
  }
  fs::remove_all(d.path);
  replay_feed gone(d.path, 0, 100, lane);
  const auto polls = loops.run(gone.ask());
  REQUIRE(polls.failed);
  CHECK(polls.failed->code == errc::not_found);
}
