// Random interleavings of upserts, moves, ends, posts, expiries and questions (areas, counts, past times) in two caches
// against the database without a cache.
//
// One cache shares the writer's database object; the other has its own on the same file, as another process has. While
// a write is under way an answer is what the database says before it or after it, byte for byte. Once it is
// acknowledged, the first cache answers what the database says. The second may answer what was true before the write
// until its follower has applied it, which it must have within `promise`; from then on it has no leeway either.
// DISTSYS_TEST_INTERLEAVINGS=100000 (steps, see report) for the long run, in a build without sanitizers;
// DISTSYS_TEST_SEED to repeat one.
#include "cache_fixture.hpp"
#include "world.hpp"

#include "roles/cache/count_request.hpp"
#include "roles/cache/count_tile.hpp"
#include "roles/cache/event_intake.hpp"
#include "roles/cache/event_request.hpp"
#include "tests/support/services.hpp"

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <span>

using namespace distsys;
using namespace distsys::tests;
using namespace distsys::roles::cache;
using namespace std::chrono_literals;
namespace geo = distsys::domain::geo;

namespace {

std::uint64_t from_environment(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);  // NOLINT(concurrency-mt-unsafe)
  return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

constexpr auto promise = 10s;  // generous: what is documented (100 ms) is no matter for a busy machine

/// A question to /events, or to /events/count.
struct question {
  std::string query;
  bool counts = false;
};

const ports::call_context context = ports::call_context::within(24h);

awaitable<std::string> count_oracle(geo::event_repository& events, std::string query) {
  const count_request wanted = read_count_request(query).value();
  if (!wanted.by_cell) {
    const auto counted = (co_await events.count_kinds(context, wanted.query)).value();
    kind_counts counts;
    for (const auto& [kind, n] : counted.counts) counts[kind] += n;
    co_return kinds_json(counts);
  }
  const auto counted = (co_await events.count_quads(context, wanted.cells, wanted.level)).value();
  std::vector<std::shared_ptr<const count_tile>> tiles;
  for (const geo::quad_counts& of_cell : counted) {
    auto t = std::make_shared<count_tile>();
    t->take(of_cell);
    tiles.push_back(std::move(t));
  }
  co_return cells_json(wanted, tiles);
}

awaitable<std::string> oracle(geo::event_repository& events, question of) {
  if (of.counts) co_return co_await count_oracle(events, of.query);
  const auto wanted = read_event_request(of.query);
  const auto page = co_await events.find(context, wanted->query);
  co_return page ? collection_of(*page) : page.error().what();
}

awaitable<std::string> ask(running_cache& c, question what) {
  co_return (what.counts ? co_await c.ask_count(what.query) : co_await c.ask(what.query)).body;
}

struct check {
  question asked;
  std::string before, after;
  std::vector<std::string> first, second;  // answers while the write was under way
};

awaitable<void> ask_into(running_cache& c, question what, std::string& to) { to = co_await ask(c, std::move(what)); }

/// As a person's device writes: POST /events.
awaitable<void> post(geo::event_repository& events, freshness& fresh, world& w) {
  const access_list nobody;  // who asks has been admitted
  event_intake intake(events, fresh, nobody);
  json::array features;
  for (const geo::event& e : w.events()) {
    const json::object place{{"type", "Point"}, {"coordinates", json::array{e.at.lon, e.at.lat}}};
    const json::object properties{{"kind", e.kind}, {"severity", e.severity}};
    features.push_back(
        json::object{{"type", "Feature"}, {"id", e.id}, {"geometry", place}, {"properties", properties}});
  }
  const json::object when{{"generated", next_observation().time_since_epoch().count()}};
  const std::string body =
      boost::json::serialize(json::object{{"type", "FeatureCollection"}, {"metadata", when}, {"features", features}});
  const net::header_field type{"Content-Type", "application/geo+json"};
  net::http_request request;
  request.user = "sim";
  request.headers = std::span(&type, 1);
  request.body = body;
  request.deadline = runtime::steady_now() + 30s;
  const auto answer = co_await intake.post(request);
  CHECK(answer.status == 200);
}

awaitable<void> write(geo::event_repository& events, freshness& fresh, runtime::manual_clock& clock, world& w) {
  const double dice = w.random().uniform();
  if (dice < 0.6) {
    co_await put(events, w.events());
  } else if (dice < 0.7) {
    co_await post(events, fresh, w);
  } else if (dice < 0.85) {
    std::vector<std::string> ids{"e" + std::to_string(w.random().below(200))};
    (co_await events.end(context, "sim", std::move(ids), next_observation())).value();
  } else {
    clock.advance(std::chrono::milliseconds(w.random().below(500)));
  }
}

/// What happened in all rounds. A round is one write (or time that passes) and for each of three queries seven
/// questions: two to each cache while it is under way, then one to the first and two to the second. Each of these 22 is
/// a step.
struct report {
  std::uint64_t rounds = 0, steps = 0, wrong = 0, stale = 0;
  std::chrono::steady_clock::duration longest_lag{};
  std::string example;

  void note(std::uint64_t& kind, std::string_view what, const check& c, std::string_view got) {
    if (kind++ == 0)
      example = std::string(what) + ' ' + c.asked.query + "\n got " + std::string(got) + "\n old " + c.before +
                "\n new " + c.after;
  }
};

awaitable<void> round(geo_database& g, running_cache& a, running_cache& b, runtime::manual_clock& clock, world& w,
                      report& out) {
  std::vector<check> checks(3);
  for (check& c : checks) {
    const bool counts = w.random().chance(0.25);
    c.asked = {counts ? w.count_query() : w.query(), counts};
    c.before = co_await oracle(g.events, c.asked);
    c.first.resize(2);
    c.second.resize(2);
  }
  {
    runtime::task_group together;
    for (check& c : checks)
      for (unsigned i = 0; i < 2; ++i) {
        together.spawn(g.loops.loop(i), ask_into(a, c.asked, c.first[i]));
        together.spawn(g.loops.loop(i + 2), ask_into(b, c.asked, c.second[i]));
      }
    together.spawn(g.loops.loop(static_cast<unsigned>(w.random().below(4))), write(g.events, a.engine.fresh, clock, w));
    co_await together.wait();
  }
  const auto acknowledged = runtime::steady_now();
  for (check& c : checks) {
    c.after = co_await oracle(g.events, c.asked);
    for (const auto* answers : {&c.first, &c.second})
      for (const std::string& got : *answers)
        if (got != c.before && got != c.after) out.note(out.wrong, "neither before nor after:", c, got);
    if (const auto got = co_await ask(a, c.asked); got != c.after)
      out.note(out.stale, "stale in the same process:", c, got);
  }
  // The other one is asked at once, and when it has heard of the write, whether it touched these queries or not. The
  // next round is about the next write.
  for (const check& c : checks)
    if (const auto got = co_await ask(b, c.asked); got != c.before && got != c.after)
      out.note(out.wrong, "neither, in the other process:", c, got);
  const std::int64_t last = (co_await g.events.last_sequence(context)).value();
  if (!co_await b.engine.fresh.catch_up_to(last, acknowledged + promise))
    out.note(out.stale, "never heard of in the other process:", checks.front(), "");
  for (const check& c : checks)
    if (const auto got = co_await ask(b, c.asked); got != c.after)
      out.note(out.stale, "stale in the other process, which has heard of it:", c, got);
  out.longest_lag = std::max(out.longest_lag, runtime::steady_now() - acknowledged);
  ++out.rounds;
  out.steps += 1 + checks.size() * 7;
}

/// The store of the second layer is away now and then, and now and then its answers are damaged.
void disturb(switched_store& store, world& w) {
  if (w.random().chance(store.down ? 0.5 : 0.1)) store.down = !store.down;
  if (w.random().chance(store.damaging ? 0.5 : 0.1)) store.damaging = !store.damaging;
}

void check_sharing(const running_cache& a, const running_cache& b) {
  // Of both caches: metrics are the process's.
  const auto shared = a.engine.shared->counts();
  WARN("shared: " << shared.hits << " hits, " << shared.misses << " misses, " << shared.outdated << " outdated, "
                  << shared.corrupt << " corrupt, " << shared.failures << " failures; stored " << shared.stored
                  << ", older " << shared.older << ", failed " << shared.failed << ", dropped " << shared.dropped);
  CHECK(shared.hits > 0);
  CHECK(shared.outdated > 0);
  CHECK(a.engine.shared->waiting() + b.engine.shared->waiting() <= 2048);
}

awaitable<void> rounds(geo_database& g, std::string address, std::uint64_t wanted, std::uint64_t seed,
                       std::shared_ptr<switched_store> store) {
  runtime::manual_clock clock(runtime::timestamp(2'000'000'000ms));
  // Small, so that cells are split and evicted too.
  const engine_settings small{.max_bytes = 512 << 10, .cell_events = 8};
  const auto elsewhere = open_database(g.loops, address);
  running_cache a(g.database, small, store), b(elsewhere, small, store);
  co_await a.start(g.loops.loop(0));
  co_await b.start(g.loops.loop(1));
  world w(seed);
  report out;
  while (out.steps < wanted && out.wrong + out.stale == 0) {
    co_await round(g, a, b, clock, w, out);
    if (store) disturb(*store, w);
  }
  const auto n = a.engine.loader.counts();
  const auto lag = std::chrono::duration_cast<std::chrono::milliseconds>(out.longest_lag).count();
  WARN(out.steps << " steps in " << out.rounds << " rounds; cells: " << n.hits << " hits, " << n.parent_hits
                 << " of larger ones, " << n.negative_hits << " negative, " << n.splits << " split, " << n.misses
                 << " misses; the other process was at most " << lag << " ms behind");
  INFO(out.example);
  CHECK(out.wrong == 0);
  CHECK(out.stale == 0);
  // It has met what it is about.
  CHECK(n.hits > 0);
  CHECK(n.splits > 0);
  CHECK(n.negative_hits > 0);
  if (store) check_sharing(a, b);
  co_await b.stop();
  co_await a.stop();
  co_await elsewhere->close();
}

awaitable<void> compare(runtime::runtime& loops, std::string address, std::uint64_t wanted, std::uint64_t seed,
                        std::shared_ptr<switched_store> store) {
  return run_with_database(loops, address, [=](geo_database& g) { return rounds(g, address, wanted, seed, store); });
}

awaitable<void> compare_sharing(runtime::runtime& loops, std::string address, std::uint64_t wanted, std::uint64_t seed,
                                std::string store) {
  const auto inner = open_store(loops, store);
  co_await compare(loops, address, wanted, seed, std::make_shared<switched_store>(inner));
  co_await inner->close();
}

}  // namespace

TEST_CASE("two caches answer what the database says, whatever happens in between") {
  const std::uint64_t wanted = from_environment("DISTSYS_TEST_INTERLEAVINGS", 1500);
  const std::uint64_t seed = from_environment("DISTSYS_TEST_SEED", runtime::thread_random()());
  WARN("seed " << seed << ", " << wanted << " steps");
  on_each_database([&](runtime::runtime& loops, const std::string& address) {
    return compare(loops, address, wanted, seed, nullptr);
  });
}

TEST_CASE("two caches that share what they read do so too, however the store fails") {
  const std::uint64_t wanted = from_environment("DISTSYS_TEST_INTERLEAVINGS", 1500);
  const std::uint64_t seed = from_environment("DISTSYS_TEST_SEED", runtime::thread_random()());
  const std::string store = service_url("redis").value_or("memory:");
  WARN("seed " << seed << ", " << wanted << " steps, " << store);
  on_each_database([&](runtime::runtime& loops, const std::string& address) {
    return compare_sharing(loops, address, wanted, seed, store);
  });
}
