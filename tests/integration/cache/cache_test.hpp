// A test of a running cache on a fresh database, and what such tests have in common.
#pragma once

#include "cache_fixture.hpp"

#include <chrono>
#include <exception>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace distsys::tests {

inline constexpr const char* city = "lat=-33.45&lon=-70.66&radius=5";
inline constexpr domain::geo::position centre{-70.66, -33.45};

inline awaitable<void> ask_into(running_cache& c, std::string query, std::vector<running_cache::reply>& replies,
                                std::mutex& mutex) {
  auto r = co_await c.ask(std::move(query));
  const std::scoped_lock lock(mutex);
  replies.push_back(std::move(r));
}

/// The same area at a past time.
inline std::string at_second(unsigned i) {
  return std::string(city) + "&at=1970-01-01T01:00:" + std::to_string(10 + i) + 'Z';
}

using cache_test = awaitable<void> (*)(geo_database&, running_cache&);

inline awaitable<void> run_with_cache(geo_database& g, roles::cache::engine_settings settings, cache_test test) {
  running_cache cache(g.database, settings);
  co_await cache.start(g.loops.loop(0));
  std::exception_ptr failed;
  try {
    co_await test(g, cache);
  } catch (...) {
    failed = std::current_exception();
  }
  cache.database->held = false;
  cache.database->log_held = false;
  cache.database->past_held = false;
  co_await cache.stop();
  if (failed) std::rethrow_exception(failed);
}

/// Runs `test` with a started cache on a fresh database.
inline void with_cache(const roles::cache::engine_settings& settings, cache_test test) {
  with_geo_database([settings, test](geo_database& g) { return run_with_cache(g, settings, test); });
}

inline awaitable<void> ask_all(running_cache& c, std::vector<std::string> queries) {
  for (const std::string& query : queries) co_await c.ask(query);
}

template <class Condition>
awaitable<bool> eventually(Condition holds) {
  for (const auto end = runtime::steady_now() + std::chrono::seconds(20); runtime::steady_now() < end;) {
    if (holds()) co_return true;
    co_await runtime::sleep_for(std::chrono::milliseconds(1));
  }
  co_return false;
}

}  // namespace distsys::tests
