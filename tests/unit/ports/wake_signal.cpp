#include "distsys/ports/wake_signal.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/loops.hpp"
#include "tests/support/started.hpp"

#include <thread>

namespace distsys::ports {

using namespace std::chrono_literals;

TEST_CASE("a signal raised before the wait is kept, several are one") {
  tests::running_loops loops;
  wake_signal s;
  s.raise();
  s.raise();
  CHECK(loops.run(s.wait(runtime::steady_now() + 10s)));
  CHECK(loops.run(s.wait(runtime::steady_now() + 10ms)).error() == errc::timeout);
}

namespace {

awaitable<int> count_wakes(wake_signal& s, std::atomic<int>& raised, int last) {
  int wakes = 0;
  do {
    if (!co_await s.wait(runtime::steady_now() + 20s)) co_return -1;  // the last one was lost
    ++wakes;
  } while (raised.load() < last);
  co_return wakes;
}

}  // namespace

TEST_CASE("no signal is lost between threads") {
  tests::running_loops loops;
  wake_signal s;
  std::atomic<int> raised{0};
  constexpr int times = 20'000;
  tests::started<int> waiter(loops.get().loop(0), count_wakes(s, raised, times));
  for (int i = 0; i < times; ++i) {
    raised.fetch_add(1);
    s.raise();
  }
  const int wakes = waiter.get();
  CHECK(wakes >= 1);
  CHECK(wakes <= times);
}

}  // namespace distsys::ports
