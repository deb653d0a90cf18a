// A week of a city in simulated time: the tiles follow its traffic, and the tables stay small.
#include "roles/scraper/simulated_city.hpp"
#include "roles/scraper/source_sim.hpp"
#include "roles/scraper/tile_poller.hpp"

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

const timestamp monday = timestamp(std::chrono::sys_days(std::chrono::year{2025} / 4 / 7));
constexpr std::size_t answers_at_most = 30;

void thin_out(std::vector<geo::event>& events, timestamp t) {
  if (t - std::chrono::floor<std::chrono::days>(t) > 12h) return;
  std::erase_if(events, [](const geo::event& e) { return e.kind != "road_closed"; });
}

/// The simulated city as a source that never says what has ended, stands still from `frozen` on, and is nearly empty in
/// the first half of each day.
class silent_city final : public feed {
 public:
  silent_city(std::shared_ptr<const simulated_city> city, geo::box where, timestamp frozen)
      : city_(std::move(city)), where_(where), frozen_(frozen) {}

  const std::string& name() const override { return name_; }
  std::optional<geo::box> where() const override { return where_; }
  std::unique_ptr<feed> part(const geo::box& b) const override {
    return std::make_unique<silent_city>(city_, b, frozen_);
  }
  awaitable<poll_result> ask() override {
    const auto t = runtime::now();
    auto scene = city_->at(std::min(t, frozen_));
    scene.ended.clear();
    thin_out(scene.active, std::min(t, frozen_));
    std::erase_if(scene.active, [this](const geo::event& e) { return !geo::contains(where_, e.at); });
    if (scene.active.size() > answers_at_most) scene.active.resize(answers_at_most);
    for (auto& e : scene.active) e.expires.reset();
    poll_result p;
    p.said.emplace();
    p.said->source = name_;
    p.said->observed = t;
    p.said->document = sim_feed::document(scene, t, {});
    co_return p;
  }

 private:
  const std::string name_ = "sim";
  std::shared_ptr<const simulated_city> city_;
  const geo::box where_;
  const timestamp frozen_;
};

std::shared_ptr<ports::database> open_database(runtime::runtime& loops, const std::filesystem::path& folder) {
  for (const auto& d : ports::drivers()) {
    if (d.scheme != "sqlite") continue;
    const auto open = std::get<ports::open_function<ports::database>>(d.open);
    return open(url::parse("sqlite:geo.db").value(), {.loops = loops, .data_dir = folder}).value();
  }
  throw failure(error{errc::not_found, "this build has no sqlite driver"});
}

ports::call_context soon() { return ports::call_context::within(1min); }

struct week {
  std::size_t polls = 0, most_tiles = 0, capped_at_end = 0, splits = 0, merges = 0;
  std::set<std::string> active, truth;
  std::int64_t sightings = 0;
};

awaitable<week> live_through(std::shared_ptr<ports::database> db, runtime::manual_clock& clock, int days) {
  (co_await db->migrate(soon(), geo::event_repository::migrations())).value();
  (co_await db->migrate(soon(), geo::tile_repository::migrations())).value();
  geo::event_repository events(db);
  geo::tile_repository tiles(db);
  tally counts;
  ingest store(events, std::make_shared<runtime::blocking_lane>("soak", 100), std::nullopt, counts, {});
  tile_poller poller(tiles, store, counts, {});

  const auto city = std::make_shared<const simulated_city>(*find_place("santiago"), 5, 2);
  const timestamp frozen = monday + std::chrono::hours(24 * days - 3);
  root_tile root;
  root.source = std::make_unique<silent_city>(city, geo::bounds(geo::circle{{-70.66, -33.45}, 30'000})[0], frozen);
  root.interval = {1h, 2h, 4h};
  root.view = tile_of(*root.source, answers_at_most);
  root.view.interval = 2h;
  root.view.next_poll = monday;
  (co_await tiles.add(soon(), root.view, monday, {root.interval.least, root.interval.most})).value();

  week out;
  std::size_t before = 1;
  const std::vector<std::string> feeds{root.view.feed};
  while (runtime::now() < frozen + 20h) {
    const auto next = (co_await tiles.next_claim(soon(), feeds, {.now = runtime::now()})).value();
    REQUIRE(next);
    clock.set(std::max(*next, runtime::now()));
    const auto due = (co_await tiles.claim(soon(), {{feeds, 100}}, "me", {.now = runtime::now()})).value();
    for (const auto& t : due) (co_await poller.poll(&root, t)).value();
    out.polls += due.size();
    const auto all = (co_await tiles.list(soon())).value();
    out.most_tiles = std::max(out.most_tiles, all.size());
    out.splits += all.size() > before;
    out.merges += all.size() < before;
    before = all.size();
  }
  for (const auto& t : (co_await tiles.list(soon())).value())
    out.capped_at_end += t.state == geo::tile_state::polling && t.capped;
  for (const auto& e : city->at(frozen).active) out.truth.insert(e.id);
  const auto rows = (co_await db->query(soon(), {.sql = "SELECT id FROM geo_events WHERE cell >= 0"})).value();
  for (std::size_t r = 0; r < rows.rows(); ++r) out.active.emplace(rows.at(r, 0).text());
  out.sightings =
      (co_await db->query(soon(), {.sql = "SELECT count(*) FROM geo_tile_events"})).value().at(0, 0).integer();
  co_await db->close();
  co_return out;
}

}  // namespace

TEST_CASE("a simulated week: tiles split and merge with the traffic, and what is gone ends by absence alone") {
  const tests::scratch_dir folder;
  tests::running_loops loops;
  runtime::manual_clock clock(monday);
  const int days = 7;
  const auto w = loops.run(live_through(open_database(loops.get(), folder.path()), clock, days));
  INFO(w.polls << " polls, at most " << w.most_tiles << " tiles, " << w.splits << " splits, " << w.merges << " merges");
  CHECK(w.truth.size() > answers_at_most);
  CHECK(w.active == w.truth);
  CHECK(w.capped_at_end == 0);
  CHECK(w.splits >= 2);
  CHECK(w.merges >= 1);
  CHECK(w.most_tiles <= 85);  // three levels below the root
  // Between one poll each four hours of one tile and one each hour of all of them.
  CHECK(w.polls >= (days + 1) * 6);
  CHECK(w.polls <= (days + 1) * 24 * w.most_tiles);
  CHECK(w.sightings < 4 * static_cast<std::int64_t>(w.truth.size()));
}
