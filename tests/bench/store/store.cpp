// How fast new, known and changed events are stored to a fresh SQLite file, and found again.
//
//   bench_store [EVENTS] [EVENTS-A-DOCUMENT] [FOLDER]      default: 100000 5000 and a temporary folder
#include "distsys/domain/geo/codecs.hpp"
#include "distsys/domain/geo/event_repository.hpp"
#include "distsys/ports/driver.hpp"
#include "distsys/runtime/random.hpp"
#include "distsys/runtime/runtime.hpp"

#include <boost/asio/co_spawn.hpp>

#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <iostream>

using namespace distsys;
using namespace distsys::domain::geo;

namespace {

const ports::call_context context;

std::uint64_t hash_mix(std::uint64_t x) {
  x = (x ^ (x >> 31)) * 0x9e3779b97f4a7c15ull;
  return x ^ (x >> 29);
}

/// Alerts and jams of a city, in the shape and size of a live map's.
event made(runtime::random& dice, std::size_t i, int round) {
  event e;
  e.source = "bench";
  e.kind = i % 2 == 0 ? "jam" : "hazard";
  e.subtype = "hazard_on_road_construction";
  e.severity = static_cast<int>(dice.below(10));
  e.at = {-70.66 + dice.normal(0, 0.1), -33.45 + dice.normal(0, 0.1)};
  if (i % 2 == 0)
    for (int k = 0; k < 8; ++k) e.line.push_back({e.at.lon + k * 0.001, e.at.lat + k * 0.0005});
  char id[64];
  std::snprintf(id, sizeof id, "alert-%08llx-%04llx-%06zu", static_cast<unsigned long long>(hash_mix(i)),
                static_cast<unsigned long long>(hash_mix(i) >> 40 & 0xffff), i);
  e.id = id;
  e.place = "Avenida Libertador Bernardo O'Higgins, Santiago";
  e.started = timestamp(std::chrono::milliseconds(1'744'220'555'000 + static_cast<std::int64_t>(i)));
  e.properties = {{"reliability", static_cast<std::int64_t>(i % 10)},
                  {"street", "Avenida Libertador Bernardo O'Higgins"},
                  {"city", "Santiago"},
                  {"round", round}};
  return e;
}

std::vector<observation> documents(std::size_t count, std::size_t each, int round) {
  runtime::random dice(7);
  std::vector<observation> all;
  for (std::size_t i = 0; i < count; ++i) {
    if (i % each == 0) {
      all.emplace_back();
      all.back().observed = timestamp(std::chrono::seconds(1'744'220'000 + 60 * round));
    }
    all.back().events.push_back(made(dice, i, round == 1 ? 0 : round));
  }
  return all;
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(runtime::steady_now() - start).count();
}

/// Of all threads, user and kernel: what stays comparable on a busy machine.
double cpu_seconds() {
  rusage u{};
  getrusage(RUSAGE_SELF, &u);
  return static_cast<double>(u.ru_utime.tv_sec + u.ru_stime.tv_sec) +
         static_cast<double>(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

awaitable<void> store_all(event_repository& events, const char* what, std::vector<observation> list) {
  store_outcome total;
  std::size_t count = 0;
  const double cpu = cpu_seconds();
  const auto start = runtime::steady_now();
  for (auto& o : list) {
    count += o.events.size();
    total += (co_await events.store(context, std::move(o))).value();
  }
  const double s = seconds_since(start);
  std::printf(
      "%-10s %7zu events in %6.3f s: %8.0f/s, %5.2f us of CPU an event   (added %zu changed %zu unchanged %zu)\n", what,
      count, s, static_cast<double>(count) / s, (cpu_seconds() - cpu) / static_cast<double>(count) * 1e6, total.added,
      total.changed, total.unchanged);
}

awaitable<void> find_many(event_repository& events, const char* what, event_query q, int times) {
  const auto start = runtime::steady_now();
  std::size_t found = 0;
  for (int i = 0; i < times; ++i) found = (co_await events.find(context, q)).value().features.size();
  std::printf("%-24s %5zu features: %8.1f us a query\n", what, found, seconds_since(start) / times * 1e6);
}

awaitable<void> bench(std::shared_ptr<ports::database> db, std::size_t count, std::size_t each) {
  (co_await db->migrate(context, event_repository::migrations())).value();
  event_repository events(db);
  std::size_t bytes = 0;
  runtime::random dice(7);
  const auto start = runtime::steady_now();
  for (std::size_t i = 0; i < 10'000; ++i) bytes += to_feature(made(dice, i, 0)).size();
  std::printf("made and written as features: %.2f us an event, %zu bytes\n", seconds_since(start) / 10'000 * 1e6,
              bytes / 10'000);
  co_await store_all(events, "new", documents(count, each, 0));
  co_await store_all(events, "unchanged", documents(count, each, 1));
  co_await store_all(events, "changed", documents(count, each, 2));
  const position center{-70.66, -33.45};
  co_await find_many(events, "circle 100 m", {.where = circle{center, 100}}, 500);
  co_await find_many(events, "circle 1 km", {.where = circle{center, 1'000}}, 200);
  co_await find_many(events, "circle 5 km, first page", {.where = circle{center, 5'000}}, 20);
  co_await find_many(events, "nearest 10", {.where = nearest{center, 10}}, 200);
  co_await db->close();
}

}  // namespace

int main(int argc, char** argv) {
  const std::size_t count = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 100'000;
  const std::size_t each = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 5'000;
  const std::filesystem::path folder =
      argc > 3 ? std::filesystem::path(argv[3])
               : std::filesystem::temp_directory_path() / ("distsys-bench-" + runtime::random_hex(6));
  std::filesystem::create_directories(folder);
  runtime::runtime loops(1);
  std::shared_ptr<ports::database> db;
  for (const auto& d : ports::drivers()) {
    if (d.scheme != "sqlite") continue;
    const auto open = std::get<ports::open_function<ports::database>>(d.open);
    db = open(url::parse("sqlite:geo.db").value(), {.loops = loops, .data_dir = folder}).value();
  }
  if (db == nullptr) return 1;
  int code = 0;
  asio::co_spawn(loops.loop(0), bench(db, count, each), [&](const std::exception_ptr& problem) {
    try {
      if (problem) std::rethrow_exception(problem);
    } catch (const std::exception& e) {
      std::cerr << e.what() << '\n';
      code = 1;
    }
    loops.stop();
  });
  loops.run();
  if (argc <= 3) std::filesystem::remove_all(folder);
  return code;
}
