// Fresh databases of each kind with the geographic tables, and loops to use them on.
#pragma once

#include "distsys/domain/geo/event_repository.hpp"
#include "distsys/ports/driver.hpp"
#include "distsys/runtime/random.hpp"
#include "distsys/runtime/runtime.hpp"
#include "distsys/runtime/task_group.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/fresh_schema.hpp"
#include "tests/support/services.hpp"

#include <boost/asio/co_spawn.hpp>

#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace distsys::tests {

class temporary_folder {
 public:
  temporary_folder() : path_(std::filesystem::temp_directory_path() / ("distsys-geo-" + runtime::random_hex(8))) {
    std::filesystem::create_directories(path_);
  }
  ~temporary_folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  temporary_folder(const temporary_folder&) = delete;
  temporary_folder& operator=(const temporary_folder&) = delete;
  const std::filesystem::path& path() const noexcept { return path_; }

 private:
  std::filesystem::path path_;
};

inline std::shared_ptr<ports::database> open_database(runtime::runtime& loops, const std::string& address) {
  const auto parsed = url::parse(address).value();
  for (const auto& d : ports::drivers()) {
    if (d.scheme != parsed.scheme()) continue;
    const auto open = std::get<ports::open_function<ports::database>>(d.open);
    return open(parsed, {.loops = loops, .data_dir = std::filesystem::temp_directory_path()}).value();
  }
  throw failure(error{errc::not_found, "this build has no driver for " + address});
}

inline std::string sqlite_address(const std::filesystem::path& folder) {
  return "sqlite:" + (folder / "geo.db").string();
}

/// The databases that a test runs against, each empty; the file is in `folder`.
inline std::vector<std::string> fresh_databases(const std::filesystem::path& folder) {
  std::vector<std::string> all{sqlite_address(folder)};
  if (service_url("postgres")) all.push_back(fresh_postgres_schema());
  return all;
}

struct geo_database {
  runtime::runtime& loops;
  std::shared_ptr<ports::database> database;
  domain::geo::event_repository& events;
};

/// When the time of a test begins, and seconds later.
inline const domain::geo::timestamp start{std::chrono::seconds(1'700'000'000)};
inline domain::geo::timestamp second(int s) { return start + std::chrono::seconds(s); }

/// What a source says at a time.
inline domain::geo::observation seen_at(domain::geo::timestamp t, std::vector<domain::geo::event> events) {
  domain::geo::observation o;
  o.observed = t;
  o.events = std::move(events);
  return o;
}
inline domain::geo::observation seen_at(int s, std::vector<domain::geo::event> events) {
  return seen_at(second(s), std::move(events));
}

template <class F>
awaitable<void> run_reporting(runtime::runtime& loops, F f) {
  try {
    co_await f(loops);
  } catch (const Catch::TestFailureException&) {
    co_return;  // a REQUIRE: reported already
  } catch (const std::exception& e) {
    FAIL_CHECK("exception: " << e.what());
  }
}

/// Runs `f` (a function of the loops that answers an awaitable) on the first of four loops.
template <class F>
void on_a_loop(F f) {
  runtime::runtime loops(4);
  runtime::task_group group;
  group.spawn(loops.loop(0), run_reporting(loops, f));
  asio::co_spawn(loops.loop(0), group.wait(), [&](const std::exception_ptr&) { loops.stop(); });
  loops.run();
}

template <class F>
awaitable<void> run_with_database(runtime::runtime& loops, std::string address, F test) {
  const auto db = open_database(loops, address);
  const ports::call_context context = ports::call_context::within(std::chrono::minutes(5));
  (co_await db->migrate(context, domain::geo::event_repository::migrations())).value();
  domain::geo::event_repository events(db);
  geo_database g{loops, db, events};
  co_await test(g);
  co_await db->close();
}

/// Runs `f` (a function of the loops and an address) on a loop, once for each database.
template <class F>
void on_each_database(F f) {
  temporary_folder folder;
  for (const std::string& address : fresh_databases(folder.path())) {
    INFO(address);
    on_a_loop([&](runtime::runtime& loops) { return f(loops, address); });
  }
}

/// Runs `test` (a coroutine function of a geo_database&) on the first of four loops, once for each database.
template <class F>
void with_geo_database(F test) {
  on_each_database(
      [&](runtime::runtime& loops, const std::string& address) { return run_with_database(loops, address, test); });
}

/// What was there at a time.
inline awaitable<std::multiset<std::string>> there_at(domain::geo::event_repository& events, domain::geo::timestamp t) {
  const ports::call_context context;
  const auto page = (co_await events.find(context, {.limit = 10'000, .at = t})).value();
  co_return std::multiset<std::string>(page.features.begin(), page.features.end());
}

}  // namespace distsys::tests
