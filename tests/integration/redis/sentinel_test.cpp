// A store that finds its server through a sentinel follows a failover: the master is killed, its replica promoted.
#include "store.hpp"

#include "distsys/foundation/metrics.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/loops.hpp"
#include "tests/support/services.hpp"

#include <signal.h>

#include <chrono>
#include <fstream>

using namespace distsys;
using namespace distsys::tests;
using namespace std::chrono_literals;

namespace {

ports::call_context soon() { return ports::call_context::within(5s); }
ports::shared_bytes bytes(const std::string& text) { return std::make_shared<const std::string>(text); }

}  // namespace

TEST_CASE("a store behind a sentinel follows a failover", "[redis]") {
  const auto address = service_url("redis-sentinel");
  if (!address) return;
  running_loops loops(2);
  {
    const auto store = open_store(loops.get(), *address);
    auto listener = store->subscribe("news");
    const auto c = soon();
    REQUIRE(loops.run(store->set(c, "before", bytes("v"))));
    REQUIRE(loops.run(store->publish(c, "news", "before")));
    CHECK(loops.run(listener->next(c)).value() == "before");

    pid_t master = 0;
    std::ifstream(service_dir("redis-sentinel") + "/master.pid") >> master;
    REQUIRE(master > 0);
    REQUIRE(::kill(master, SIGKILL) == 0);

    int failed = 0;
    const auto limit = runtime::steady_now() + 60s;
    result<void> set = errc::internal;
    while (runtime::steady_now() < limit) {
      const auto again = soon();
      set = loops.run(store->set(again, "after", bytes("w")));
      if (set) break;
      ++failed;
      loops.run(runtime::sleep_for(20ms));
    }
    REQUIRE(set);
    CHECK(failed > 0);
    const auto later = ports::call_context::within(30s);
    CHECK(*loops.run(store->get(later, "after")).value() == "w");
    CHECK(loops.run(listener->next(later)).error() == errc::unavailable);
    REQUIRE(loops.run(store->publish(later, "news", "after")));
    CHECK(loops.run(listener->next(later)).value() == "after");
    const std::string figures = metrics::scrape();
    CHECK(figures.find("distsys_redis_connections{server=\"main of 127.0.0.1:") != std::string::npos);
    CHECK(figures.find("distsys_redis_pending{") != std::string::npos);
    CHECK(figures.find("distsys_redis_reconnects_total{") != std::string::npos);
    loops.run(close_store(*store));
  }
}

TEST_CASE("a master that no sentinel knows is unavailable, and the error says so", "[redis]") {
  auto address = service_url("redis-sentinel");
  if (!address) return;
  address->replace(address->find("sentinel=main"), 13, "sentinel=other");
  running_loops loops;
  const auto store = open_store(loops.get(), *address);
  const auto c = soon();
  const auto answer = loops.run(store->ping(c));
  REQUIRE(!answer);
  CHECK(answer.error() == errc::unavailable);
  CHECK(answer.error().detail.find("knows no master 'other'") != std::string::npos);
  loops.run(close_store(*store));
}
