// What tests/bench/eviction/run calls, a word for each part.
#include "distsys/caching/sharded_map.hpp"
#include "distsys/runtime/clock.hpp"
#include "src/commands/cache_sim_replay.hpp"
#include "src/commands/cache_sim_trace.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

using namespace distsys;
using caching::eviction;

namespace {

using shared_text = std::shared_ptr<const std::string>;
constexpr std::uint32_t keys = 1'000'000;

// Of CPU: what else runs here disturbs it less.
double seconds_of(auto f) {
  const std::clock_t began = std::clock();
  f();
  return static_cast<double>(std::clock() - began) / CLOCKS_PER_SEC;
}

commands::trace read(const char* path) {
  auto t = commands::read_trace(path, false);
  if (t) return std::move(*t);
  std::fprintf(stderr, "bench_eviction: %s\n", t.error().detail.c_str());
  std::exit(1);
}

int draw(const char* requests) {
  const auto t =
      commands::draw_trace(runtime::key_distribution::zipf, keys, 1.3, std::strtoull(requests, nullptr, 10), 1);
  for (const auto key : t.keys) std::printf("%u\n", key);
  return 0;
}

int ratios(int count, char** paths) {
  std::printf("%-20s %9s", "hit ratio", "entries");
  for (const auto name : caching::eviction_names) std::printf(" %10s", std::string(name).c_str());
  for (int i = 0; i < count; ++i) {
    const auto t = read(paths[i]);
    for (const std::uint64_t capacity : {10, 100, 500, 1000}) {
      std::printf("\n%-20s %9llu", t.name.c_str(), static_cast<unsigned long long>(capacity));
      for (const auto name : caching::eviction_names)
        std::printf(" %10.4f", commands::replay(t, {*caching::parse_eviction(name), capacity, 0}).ratio());
    }
  }
  std::printf("\n\n");
  return 0;
}

int rate(const char* path) {
  commands::trace t;
  const double reading = seconds_of([&] { t = read(path); });
  const auto n = static_cast<double>(t.keys.size());
  std::printf("simulator, million requests a second of CPU: reading alone %.1f\n", n / reading / 1e6);
  for (const auto name : caching::eviction_names) {
    const auto how = *caching::parse_eviction(name);
    std::printf("  %-10s", std::string(name).c_str());
    for (const std::uint64_t capacity : {1000, 100'000}) {
      const double s = seconds_of([&] { commands::replay(t, {how, capacity, 0}); });
      std::printf("   %6llu entries: replay %6.1f, with reading %5.1f", static_cast<unsigned long long>(capacity),
                  n / s / 1e6, n / (s + reading) / 1e6);
    }
    std::printf("\n");
  }
  std::printf("\n");
  return 0;
}

// Every key is there: what a hit costs, hash and lock with it.
int hits() {
  constexpr std::size_t entries = 10'000, rounds = 3'000'000;
  std::vector<std::string> names;
  for (std::size_t i = 0; i < entries; ++i) names.push_back("lat=-33.45&lon=-70.66&radius=" + std::to_string(i));
  const auto order = commands::draw_trace(runtime::key_distribution::zipf, entries, 1.0, rounds, 2);
  const auto now = runtime::steady_now();
  const auto value = std::make_shared<const std::string>("v");
  std::printf("a hit of the production map, ns of CPU: alone / behind a shard's lock\n");
  for (const auto name : caching::eviction_names) {
    const auto how = *caching::parse_eviction(name);
    caching::bounded_map<shared_text> map(1u << 30, how);
    caching::sharded_map<shared_text> shared(1u << 30, 8, how);
    for (const auto& key : names) {
      map.insert(key, value, 0);
      shared.insert_if([] { return true; }, key, value, 0, caching::time_point::max());
    }
    std::size_t found = 0;
    const double alone = seconds_of([&] {
      for (const auto k : order.keys) found += map.find(names[k], now) != nullptr ? 1 : 0;
    });
    const double locked = seconds_of([&] {
      for (const auto k : order.keys) found += shared.find(names[k], now).has_value() ? 1 : 0;
    });
    if (found != 2 * rounds) std::abort();
    std::printf("  %-10s %6.1f / %6.1f\n", std::string(name).c_str(), alone / rounds * 1e9, locked / rounds * 1e9);
  }
  std::printf("\n");
  return 0;
}

std::size_t resident() {
  std::size_t size = 0, pages = 0;
  std::ifstream("/proc/self/statm") >> size >> pages;
  return pages * static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
}

// Returns the bytes of keys and values.
template <class Insert>
std::size_t fill(std::size_t entries, std::size_t size, Insert insert) {
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < entries; ++i) {
    std::string key = "lat=-33.45&lon=-70.66&radius=" + std::to_string(i);
    bytes += key.size() + size;
    insert(std::move(key), std::make_shared<const std::string>(size, 'v'));
  }
  return bytes;
}

// One map a process, so that the heap is fresh. 128 MiB of keys and values.
int memory(const std::string& how, std::size_t size) {
  const std::size_t entries = (128u << 20) / (size + 35);
  const std::size_t before = resident();
  std::size_t stated = 0, cached = 0;
  std::unordered_map<std::string, shared_text> plain;
  std::unique_ptr<caching::bounded_map<shared_text>> map;
  if (how == "none") {
    cached = fill(entries, size, [&](std::string key, shared_text v) { plain.emplace(std::move(key), std::move(v)); });
  } else {
    map = std::make_unique<caching::bounded_map<shared_text>>(1u << 30, caching::parse_eviction(how).value());
    const std::size_t held = caching::allocated(16 + sizeof(std::string)) + caching::allocated(size + 1);
    cached = fill(entries, size, [&](const std::string& key, shared_text v) { map->insert(key, std::move(v), held); });
    stated = map->bytes();
  }
  const auto grown = static_cast<double>(resident() - before);
  const auto payload = static_cast<double>(cached);
  std::printf("memory: %-10s values of %5zu bytes: %.3f resident bytes a cached byte, %4.0f beside each entry",
              how.c_str(), size, grown / payload, (grown - payload) / static_cast<double>(entries));
  if (stated != 0) std::printf(", bytes() says %.3f of it", static_cast<double>(stated) / grown);
  std::printf("\n");
  return 0;
}

}  // namespace

int main(int count, char** words) {
  const std::string what = count > 1 ? words[1] : "";
  if (what == "draw" && count == 3) return draw(words[2]);
  if (what == "ratios") return ratios(count - 2, words + 2);
  if (what == "rate" && count == 3) return rate(words[2]);
  if (what == "hits") return hits();
  if (what == "memory" && count == 4) return memory(words[2], std::strtoull(words[3], nullptr, 10));
  std::fprintf(stderr, "usage: bench_eviction draw N | ratios TRACE... | rate TRACE | hits | memory POLICY SIZE\n");
  return 64;
}
