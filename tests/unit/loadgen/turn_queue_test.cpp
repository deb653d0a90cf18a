#include "roles/loadgen/turn_queue.hpp"

#include "tests/support/catch.hpp"
#include "tests/support/loops.hpp"

#include <boost/asio/post.hpp>

#include <vector>

using namespace distsys;
using namespace distsys::roles::loadgen;
using namespace std::chrono_literals;

namespace {

awaitable<void> wait_turn(turn_queue& turns, turn_queue::time_point when, int name, std::vector<int>& resumed) {
  const bool due = co_await turns.wait_until(when);
  resumed.push_back(due ? name : -name);
}

}  // namespace

TEST_CASE("whoever is due is resumed before release returns, in order") {
  tests::running_loops loops;
  const bool good = loops.run([](executor where) -> awaitable<bool> {
    turn_queue turns(where, 0ns);
    runtime::task_group group;
    std::vector<int> resumed;
    const auto start = runtime::steady_now() + 1h;  // no alarm rings in this test
    for (int i = 1; i <= 3; ++i) group.spawn(where, wait_turn(turns, start + i * 1s, i, resumed));
    co_await asio::post(where, use_awaitable);
    turns.release(start);
    CHECK(resumed.empty());
    turns.release(start + 2s);
    CHECK(resumed == std::vector<int>{1, 2});
    turns.close();
    CHECK(resumed == std::vector<int>{1, 2, -3});
    CHECK_FALSE(co_await turns.wait_until(start));
    co_await group.wait();
    co_return true;
  }(loops.get().loop(0)));
  CHECK(good);
}

TEST_CASE("the time is kept without anybody's help, also for a nearer one that comes later") {
  tests::running_loops loops;
  const auto spin = GENERATE(0ns, 2'000'000ns);
  const bool good = loops.run([](executor where, std::chrono::nanoseconds spin) -> awaitable<bool> {
    turn_queue turns(where, spin, 1h);  // every turn of the loop counts as empty, however slow the machine is
    runtime::task_group group;
    group.spawn(where, turns.run());  // asleep, for nobody
    co_await asio::post(where, use_awaitable);
    for (int i = 0; i < 3; ++i) {
      const auto when = runtime::steady_now() + 10ms;
      CHECK(co_await turns.wait_until(when));
      CHECK(runtime::steady_now() >= when);
    }
    CHECK((turns.spun() > 0ns) == (spin > 0ns));
    turns.close();
    co_await group.wait();
    co_return true;
  }(loops.get().loop(0), spin));
  CHECK(good);
}

TEST_CASE("a timekeeper that is cancelled sends everybody home") {
  tests::running_loops loops;
  const bool good = loops.run([](executor where) -> awaitable<bool> {
    turn_queue turns(where, 1ms);
    runtime::task_group keeper;
    runtime::task_group group;
    std::vector<int> resumed;
    keeper.spawn(where, turns.run());
    group.spawn(where, wait_turn(turns, runtime::steady_now() + 1h, 1, resumed));
    co_await asio::post(where, use_awaitable);
    keeper.cancel();
    co_await keeper.wait();
    co_await group.wait();
    CHECK(resumed == std::vector<int>{-1});
    co_return true;
  }(loops.get().loop(0)));
  CHECK(good);
}
