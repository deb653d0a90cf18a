// A week of the simulated city through store, follower, cells, answers, counts, streams and retention: what the process
// holds stops growing. Simulated time, so that it takes a minute; DISTSYS_TEST_SOAK_MINUTES is what one step simulates
// (60; 5 is as a scraper polls that takes its time).
#include "cache_test.hpp"

#include "roles/cache/stream_teller.hpp"
#include "roles/scraper/simulated_city.hpp"

#include "distsys/foundation/text.hpp"

#include <malloc.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

using namespace distsys;
using namespace distsys::tests;
using namespace distsys::roles::cache;
using namespace std::chrono_literals;
namespace geo = distsys::domain::geo;

namespace {

constexpr int days = 7, settled = 3;  // what is kept for a day is whole after two, and the caches are full
constexpr geo::timestamp monday{std::chrono::milliseconds{1'767'571'200'000}};
const ports::call_context context = ports::call_context::within(24h);

std::size_t resident_bytes() {
  std::ifstream statm("/proc/self/statm");
  std::size_t all = 0, resident = 0;
  statm >> all >> resident;
  return resident * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

/// 0 where a sanitizer's allocator stands in, which keeps what was freed.
std::size_t heap_bytes() {
  const struct mallinfo2 m = ::mallinfo2();
  return m.uordblks + m.hblkhd;
}

int minutes_a_step() {
  const char* text = std::getenv("DISTSYS_TEST_SOAK_MINUTES");  // NOLINT(concurrency-mt-unsafe)
  return text ? std::clamp(std::atoi(text), 1, 60) : 60;
}

std::string viewport(runtime::random& dice) {
  return "lat=" + std::to_string(-33.45 + dice.uniform(-0.1, 0.1)) +
         "&lon=" + std::to_string(-70.66 + dice.uniform(-0.1, 0.1)) + "&radius=" + std::to_string(1 + dice.below(5));
}

awaitable<void> poll(geo_database& g, const roles::scraper::simulated_city& city, geo::timestamp now) {
  auto scene = city.at(now);
  std::vector<std::string> gone;
  for (const geo::event& e : scene.ended) gone.push_back(e.id);
  for (geo::event& e : scene.active) e.source = "sim";
  (co_await g.events.end(context, "sim", std::move(gone), now)).value();
  geo::observation seen;
  seen.observed = now;
  seen.events = std::move(scene.active);
  (co_await g.events.store(context, std::move(seen))).value();
}

awaitable<void> prune(geo_database& g, geo::timestamp before) {
  const geo::retention what{.source = {}, .ended_before = before, .expired_before = before, .history_before = before};
  while ((co_await g.events.prune(context, what, 500)).value() > 0) {
  }
}

awaitable<void> look_around(running_cache& c, runtime::random& dice, geo::timestamp now) {
  for (int i = 0; i < 8; ++i) CHECK((co_await c.ask(viewport(dice))).status == 200);
  CHECK((co_await c.ask_count(viewport(dice) + "&by=cell&level=14")).status == 200);
  CHECK((co_await c.ask(viewport(dice) + "&at=" + format_time(now - 1h))).status == 200);
}

awaitable<void> week(geo_database& g, running_cache& cache) {
  runtime::manual_clock clock(monday);
  runtime::random dice(101);
  const roles::scraper::simulated_city city(*roles::scraper::find_place("santiago"), 1, 2);
  stream_teller teller(cache.engine.events, cache.engine.fresh, cache.engine.streams);
  cache.following.spawn(g.loops.loop(1), teller.run());
  const auto stream = cache.engine.streams.subscribe({}, g.loops.loop(2), asio::ip::make_address("192.0.2.1")).taken;
  std::vector<std::size_t> resident, heap;
  std::string told;
  for (int day = 0; day < days; ++day) {
    for (int minute = 0; minute < 24 * 60; minute += minutes_a_step()) {
      const geo::timestamp now = monday + 24h * day + std::chrono::minutes(minute);
      clock.set(now);
      co_await poll(g, city, now);
      co_await cache.engine.fresh.catch_up(runtime::steady_now() + 5s);
      co_await look_around(cache, dice, now);
      while (!stream->take().events.empty()) {
      }
      if (minute % 60 == 0) co_await prune(g, now - 24h);
    }
    resident.push_back(resident_bytes());
    heap.push_back(heap_bytes());
    told += ' ' + std::to_string(resident.back() >> 10) + '/' + std::to_string(heap.back() >> 10);
    CHECK(cache.engine.cells.totals().bytes + cache.engine.answers.totals().bytes <= 4u << 20);
  }
  const auto rows = co_await g.database->query(context, {.sql = "SELECT COUNT(*) FROM geo_event_changes"});
  WARN("resident/heap KiB after each day:" << told << "; changes kept " << rows->at(0, 0).integer() << " of "
                                           << (co_await g.events.last_sequence(context)).value());
  if (heap.back() == 0) co_return;
  CHECK(heap.back() <= heap[settled - 1] * 11 / 10);
  CHECK(resident.back() <= resident[settled - 1] * 11 / 10);  // an allocator does not give everything back
}

}  // namespace

TEST_CASE("a week of the simulated city leaves the process as large as its first days") {
  with_cache({.max_bytes = 4u << 20}, &week);
}
