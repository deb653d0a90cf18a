// What answers mean for the events of their tile, poll by poll, on a real database and a clock that is set.
#include "roles/scraper/tile_poller.hpp"

#include "distsys/domain/geo/codecs.hpp"
#include "distsys/ports/driver.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/loops.hpp"
#include "tests/support/scratch_dir.hpp"

#include <set>

using namespace distsys;
using namespace distsys::roles::scraper;
using namespace std::chrono_literals;
namespace geo = distsys::domain::geo;
using geo::timestamp;

namespace {

const timestamp noon = timestamp(std::chrono::sys_days(std::chrono::year{2025} / 4 / 9)) + 12h;
const geo::box around{-71, -34, -70, -33};

/// Says what it is told to.
class scripted_feed final : public feed {
 public:
  const std::string& name() const override { return name_; }
  std::optional<geo::box> where() const override { return around; }
  std::unique_ptr<feed> part(const geo::box&) const override { return std::make_unique<scripted_feed>(); }
  std::string memory() const override { return etag; }
  void recall(std::string_view text) override { recalled = text; }
  awaitable<poll_result> ask() override {
    poll_result p;
    if (alone.count() > 0) {
      p.failed = error{errc::unavailable, "status 429"};
      p.wait_at_least = alone;
      p.whole_site = true;
      co_return p;
    }
    p.wait_at_least = patience;
    if (document.empty()) co_return p;
    p.said.emplace();
    p.said->source = name_;
    p.said->observed = runtime::now();
    p.said->document = document;
    p.said->mapping = mapping;
    co_return p;
  }

  std::string document, etag, recalled;  // without a document: unchanged
  std::shared_ptr<const geo::mapping> mapping;
  std::chrono::milliseconds alone{0};     // 429 with Retry-After
  std::chrono::milliseconds patience{0};  // of another answer with it

 private:
  const std::string name_ = "feed";
};

std::string feature(const std::string& id,
                    const std::string& geometry = R"({"type":"Point","coordinates":[-70.5,-33.5]})") {
  return R"({"type":"Feature","id":")" + id + R"(","geometry":)" + geometry + R"(,"properties":{}})";
}
std::string document(const std::vector<std::string>& features, const std::string& more = "") {
  std::string all;
  for (const auto& f : features) all += (all.empty() ? "" : ",") + f;
  return R"({"type":"FeatureCollection",)" + more + R"("features":[)" + all + "]}";
}
std::string without_place(const std::string& id) { return feature(id, "null"); }

std::shared_ptr<ports::database> open_database(runtime::runtime& loops, const std::filesystem::path& folder) {
  for (const auto& d : ports::drivers()) {
    if (d.scheme != "sqlite") continue;
    const auto open = std::get<ports::open_function<ports::database>>(d.open);
    return open(url::parse("sqlite:geo.db").value(), {.loops = loops, .data_dir = folder}).value();
  }
  throw failure(error{errc::not_found, "this build has no sqlite driver"});
}

ports::call_context soon() { return ports::call_context::within(1min); }

awaitable<bool> close(std::shared_ptr<ports::database> db) {
  co_await db->close();
  co_return true;
}

struct bench {
  tests::scratch_dir folder;
  tests::running_loops loops;
  runtime::manual_clock clock{noon};
  std::shared_ptr<ports::database> db = open_database(loops.get(), folder.path());
  geo::event_repository events{db};
  geo::tile_repository tiles{db};
  tally counts;
  ingest store{events, std::make_shared<runtime::blocking_lane>("poller", 100), std::nullopt, counts, {}};
  tile_poller poller{tiles, store, counts, {}};
  root_tile root;
  scripted_feed* source = nullptr;

  explicit bench(std::size_t cap = 0) {
    loops.run(db->migrate(soon(), geo::event_repository::migrations())).value();
    loops.run(db->migrate(soon(), geo::tile_repository::migrations())).value();
    auto made = std::make_unique<scripted_feed>();
    source = made.get();
    root.source = std::move(made);
    root.view = tile_of(*root.source, cap);
    root.view.interval = 1min;
    loops.run(tiles.add(soon(), root.view, noon, {1min, 1min})).value();
  }
  ~bench() { loops.run(close(db)); }

  geo::leased_tile lease() {
    clock.set(runtime::now() + 2min);
    const std::vector<std::string> feeds{root.view.feed};
    return loops.run(tiles.claim(soon(), {{feeds, 1}}, "me", {.now = runtime::now(), .early = true})).value().at(0);
  }
  void poll(std::string text) {
    source->document = std::move(text);
    loops.run(poller.poll(&root, lease())).value();
  }
  std::set<std::string> texts(std::string sql) {
    const auto rows = loops.run(db->query(soon(), {.sql = std::move(sql)})).value();
    std::set<std::string> out;
    for (std::size_t r = 0; r < rows.rows(); ++r) out.emplace(rows.at(r, 0).text());
    return out;
  }
  std::set<std::string> active() { return texts("SELECT id FROM geo_events WHERE cell >= 0"); }
  std::set<std::string> sighted() { return texts("SELECT id FROM geo_tile_events"); }
};

using ids = std::set<std::string>;

}  // namespace

TEST_CASE("an answer of which something is refused tells of no absence, nor do unchanged ones after it") {
  bench b;
  b.poll(document({feature("a"), feature("b")}));
  b.poll(document({feature("a")}));
  for (int i = 0; i < 5; ++i) b.poll(document({feature("a"), without_place("b")}));
  for (int i = 0; i < 5; ++i) b.poll("");
  CHECK(b.active() == ids{"a", "b"});
  b.poll(document({feature("a")}));
  CHECK(b.active() == ids{"a", "b"});
  b.poll("");
  CHECK(b.active() == ids{"a"});
}

TEST_CASE("a record that has lost its place is not missing, and keeps nothing else from ending") {
  const auto by = geo::mapping::parse(R"({"source": "feed", "records": "", "id": "/id", "kind": {"constant": "storm"},
      "aliases": ["/also"], "position": {"geometry": "/where", "absent": "skip"}})",
                                      "test.json");
  REQUIRE(by);
  bench b;
  b.source->mapping = std::make_shared<const geo::mapping>(*by);
  const auto record = [](const std::string& id, bool placed = true) {
    return R"({"id":")" + id + R"(","also":"old )" + id + "\"" +
           (placed ? R"(,"where":{"type":"Point","coordinates":[-70.5,-33.5]}})" : "}");
  };
  b.poll("[" + record("a") + "," + record("b") + "," + record("old c") + "]");
  CHECK(b.active() == ids{"a", "b", "old c"});
  for (int i = 0; i < 4; ++i) b.poll("[" + record("b", false) + "," + record("c", false) + "]");
  CHECK(b.active() == ids{"b", "old c"});
  for (int i = 0; i < 3; ++i) b.poll("");  // unchanged
  CHECK(b.active() == ids{"b", "old c"});
  for (int i = 0; i < 3; ++i) b.poll("[" + record("c", false) + "]");
  CHECK(b.active() == ids{"old c"});
}

TEST_CASE("all tiles of a site wait when it says so to one of them, those under way too") {
  bench b;
  scripted_feed other;
  auto view = tile_of(other, 0);
  view.feed = "another feed of the site";
  view.interval = 1min;
  b.loops.run(b.tiles.add(soon(), view, noon, {1min, 1min})).value();
  const geo::claim_group site{{b.root.view.feed, view.feed}, 2};
  b.root.site = &site;
  const auto both = b.loops.run(b.tiles.claim(soon(), {site}, "me", {.now = runtime::now(), .lease = 1min})).value();
  REQUIRE(both.size() == 2);
  b.source->alone = 1h;
  b.loops.run(b.poller.poll(&b.root, both[0])).value();
  b.source->alone = 0ms;
  b.source->document = document({feature("a")});
  b.loops.run(b.poller.poll(&b.root, both[1])).value();
  for (const auto& t : b.loops.run(b.tiles.list(soon())).value()) CHECK(t.next_poll >= noon + 1h);
}

TEST_CASE("the children of a tile wait as long as its answer says") {
  bench b(3);
  b.source->patience = 1h;
  b.poll(document({feature("a"), feature("b"), feature("c")}));
  const auto all = b.loops.run(b.tiles.list(soon())).value();
  CHECK(all.size() == 5);
  for (const auto& t : all) CHECK(t.next_poll >= runtime::now() + 1h);
}

TEST_CASE("records that are refused do not split a tile") {
  bench b(3);
  b.poll(document({without_place("a"), without_place("b"), without_place("c")}));
  CHECK(b.loops.run(b.tiles.list(soon())).value().size() == 1);
  b.poll(document({feature("a"), feature("b"), feature("c")}));
  CHECK(b.loops.run(b.tiles.list(soon())).value().size() == 5);
}

TEST_CASE("a source answers by area when half of all it says is good and inside") {
  const auto at = [](double lon) { return presence{"feed", "x", {}, {lon, -33.5}, {}}; };
  CHECK(answers_by_area({at(-70.5), at(0)}, around, 0));
  CHECK_FALSE(answers_by_area({at(-70.5), at(0)}, around, 1));
  CHECK_FALSE(answers_by_area({}, around, 0));
}

TEST_CASE("a source whose clock is far ahead cannot freeze its events") {
  bench b;
  b.poll(document({feature("a"), feature("b")}, R"("metadata":{"generated":253370764800000},)"));
  CHECK(b.counts.summary(1s).find("observed_in_future") != std::string::npos);
  for (int i = 0; i < 5; ++i) b.poll(document({feature("a")}));
  CHECK(b.active() == ids{"a"});
  CHECK(b.sighted() == ids{"a"});
}

TEST_CASE("an absence that a later observation forbids is not forgotten") {
  bench b;
  b.poll(document({feature("a"), feature("b")}));
  auto later = geo::decode(document({feature("b", R"({"type":"Point","coordinates":[-70.4,-33.5]})")}),
                           {.source = "feed", .observed = runtime::now() + 20min});
  REQUIRE(later);
  b.loops.run(b.events.store(soon(), std::move(*later))).value();
  for (int i = 0; i < 4; ++i) b.poll(document({feature("a")}));
  CHECK(b.active() == ids{"a", "b"});
  CHECK(b.sighted() == ids{"a", "b"});
  b.clock.set(runtime::now() + 30min);
  b.poll(document({feature("a")}));
  CHECK(b.active() == ids{"a"});
  CHECK(b.sighted() == ids{"a"});
}

TEST_CASE("the memory of an answer is not ahead of its sightings") {
  bench b;
  b.source->etag = "one";
  b.poll(document({feature("a"), feature("b")}));
  b.poll(document({feature("a")}));
  b.poll(document({feature("a")}));
  b.source->etag = "two";
  // Killed before the outcome is written: the memory may not say "two" while "c" has no sighting.
  ports::batch trap;
  trap.push_back(
      {.sql = "CREATE TRIGGER killed BEFORE INSERT ON geo_tile_events BEGIN SELECT RAISE(ABORT, 'killed'); END"});
  b.loops.run(b.db->execute(soon(), std::move(trap))).value();
  b.source->document = document({feature("a"), feature("c")});
  (void)b.loops.run(b.poller.poll(&b.root, b.lease()));
  CHECK(b.texts("SELECT memory FROM geo_tiles") == ids{"one"});
  CHECK(b.active() == ids{"a", "c"});
}

TEST_CASE("an answer of very many records is refused as a whole, unless it is a recording") {
  answer a;
  a.source = "feed";
  a.observed = noon;
  std::string many;
  for (std::size_t i = 0; i <= most_records; ++i) many += (i == 0 ? "" : ",") + feature(std::to_string(i % 10));
  a.document = document({many});
  const auto refused = decode_answer(a);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().detail == "it holds 100001 records; at most 100000 of one answer are taken");
  a.recorded = true;
  CHECK(decode_answer(a).value().records == most_records + 1);
}
