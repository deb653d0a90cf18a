#include "roles/cache/freshness.hpp"

#include "tests/support/loops.hpp"
#include "tests/support/started.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <memory>
#include <thread>

using namespace distsys;
using namespace distsys::roles::cache;
using namespace std::chrono_literals;

namespace {

class counted_commits : public ports::change_listener {
 public:
  awaitable<result<void>> wait(const ports::call_context&) override { co_return error{errc::timeout}; }
  std::uint64_t announced() const noexcept override { return number; }
  std::uint64_t announced_own() const noexcept override { return own; }
  std::atomic<std::uint64_t> number{0}, own{0};
};

}  // namespace

TEST_CASE("what is kept is believed when all that was announced is applied, and the log was read lately") {
  const auto log = std::make_shared<counted_commits>();
  freshness f;
  f.follow(log);
  const time_point start = runtime::steady_now();
  CHECK_FALSE(f.believed(start));  // never read
  f.settle({}, 10, start);
  CHECK(f.believed(start));
  CHECK(f.applied() == 10);
  CHECK(f.believed(start + 1900ms));
  CHECK_FALSE(f.believed(start + 2s));
  ++log->number;
  CHECK_FALSE(f.believed(start));
  f.settle({1, 0}, 11, start);
  CHECK(f.believed(start));
}

TEST_CASE("what this process committed is told from what others did") {
  const auto log = std::make_shared<counted_commits>();
  freshness f;
  f.follow(log);
  f.settle({}, 10, runtime::steady_now());
  log->number = 1;
  CHECK(f.knows_own());
  log->number = 2;
  log->own = 1;
  CHECK_FALSE(f.knows_own());
  f.settle({1, 0}, 10, runtime::steady_now());
  CHECK_FALSE(f.knows_own());
  f.settle({2, 1}, 11, runtime::steady_now());
  CHECK(f.knows_own());
  // What another process committed, and this one has told a client of.
  log->number = 3;
  CHECK(f.knows_own());
  f.vouch();
  CHECK_FALSE(f.knows_own());
  f.settle({3, 1}, 12, runtime::steady_now());
  CHECK(f.knows_own());
}

TEST_CASE("who waits for the follower is woken when it has come so far, and not before") {
  tests::running_loops loops;
  const auto log = std::make_shared<counted_commits>();
  freshness f;
  f.follow(log);
  f.settle({}, 10, runtime::steady_now());
  CHECK(loops.run(f.catch_up(runtime::steady_now() + 10s)));
  log->number = 2;
  CHECK_FALSE(loops.run(f.catch_up(runtime::steady_now() + 1ms)));
  tests::started<bool> waiting(loops.get().loop(0), f.catch_up(runtime::steady_now() + 20s));
  tests::started<bool> for_change(loops.get().loop(0), f.catch_up_to(12, runtime::steady_now() + 20s));
  f.settle({1, 0}, 11, runtime::steady_now());
  CHECK_FALSE(waiting.ready());
  f.settle({2, 0}, 11, runtime::steady_now());
  CHECK(waiting.get());
  CHECK_FALSE(for_change.ready());
  f.settle({2, 0}, 12, runtime::steady_now());
  CHECK(for_change.get());
}

TEST_CASE("a cancelled wait for the follower ends") {
  tests::running_loops loops;
  const auto log = std::make_shared<counted_commits>();
  freshness f;
  f.follow(log);
  log->number = 1;
  tests::started<bool> waiting(loops.get().loop(0), f.catch_up(runtime::steady_now() + 20s));
  waiting.cancel();
  CHECK_FALSE(waiting.get());
}
