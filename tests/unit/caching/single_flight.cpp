#include "distsys/caching/single_flight.hpp"

#include "distsys/runtime/runtime.hpp"

#include <boost/asio/post.hpp>
#include <catch2/catch.hpp>

#include <atomic>
#include <future>
#include <memory>
#include <string>
#include <thread>

using namespace distsys;
using namespace std::chrono_literals;
using flights = caching::single_flight<std::string>;

namespace {

/// Loops on threads of their own, and a group for what runs on them.
class loops {
 public:
  explicit loops(unsigned n) : runtime_(n), thread_([this] { runtime_.run(); }) {}
  ~loops() {
    runtime_.stop();
    thread_.join();
  }
  executor at(unsigned i) { return runtime_.loop(i % runtime_.size()); }

  /// Returns when `number` callers have joined a flight: a caller says that it arrived just before it joins, in one go
  /// on its loop, so that what its loop runs after that finds it joined.
  void joined(const std::atomic<int>& arrived, int number) {
    while (arrived < number) std::this_thread::yield();
    for (unsigned i = 0; i < runtime_.size(); ++i) {
      std::promise<void> reached;
      boost::asio::post(at(i), [&reached] { reached.set_value(); });
      reached.get_future().wait();
    }
  }

  void finish(runtime::task_group& group) {
    while (group.size() != 0) std::this_thread::yield();
  }

 private:
  runtime::runtime runtime_;
  std::thread thread_;
};

struct tally {
  std::atomic<int> loads{0}, led{0}, values{0}, arrived{0};
  std::atomic<int> timeouts{0}, cancelled{0}, overloaded{0}, unavailable{0}, internal{0}, wrong_loop{0};
  std::atomic<bool> release{false};
};

void count(tally& t, const result<std::string>& value) {
  if (value) {
    if (*value == "loaded") ++t.values;
    return;
  }
  switch (value.error().code) {
    case errc::timeout:
      ++t.timeouts;
      break;
    case errc::cancelled:
      ++t.cancelled;
      break;
    case errc::overloaded:
      ++t.overloaded;
      break;
    case errc::unavailable:
      ++t.unavailable;
      break;
    case errc::internal:
      ++t.internal;
      break;
    default:
      break;
  }
}

awaitable<result<std::string>> load_when_released(std::shared_ptr<tally> t, result<std::string> value) {
  ++t->loads;
  while (!t->release) co_await runtime::sleep_for(1ms);
  co_return value;
}

awaitable<result<std::string>> load_and_throw() {
  co_await runtime::sleep_for(1ms);
  throw std::runtime_error("broken loader");
}

awaitable<void> call(flights& f, std::shared_ptr<tally> t, flights::loader load, runtime::deadline limit) {
  const int loop = runtime::runtime::this_loop();
  ++t->arrived;
  flights::outcome got = co_await f.run("key", std::move(load), limit);
  if (runtime::runtime::this_loop() != loop) ++t->wrong_loop;
  if (got.led) ++t->led;
  count(*t, got.value);
}

flights::loader loader_of(const std::shared_ptr<tally>& t, result<std::string> value) {
  return [t, value] { return load_when_released(t, value); };
}

runtime::deadline in(std::chrono::milliseconds d) { return runtime::steady_now() + d; }

void wait_for(const std::atomic<int>& number, int value) {
  while (number < value) std::this_thread::yield();
}

}  // namespace

TEST_CASE("a thousand concurrent misses on several loops are one load") {
  loops l(3);
  runtime::task_group loads, callers;
  flights f(loads, 10'000);
  auto t = std::make_shared<tally>();
  for (unsigned i = 0; i < 1000; ++i) callers.spawn(l.at(i), call(f, t, loader_of(t, std::string("loaded")), in(20s)));
  l.joined(t->arrived, 1000);
  t->release = true;
  l.finish(callers);
  l.finish(loads);
  CHECK(t->loads == 1);
  CHECK(t->led == 1);
  CHECK(t->values == 1000);
  CHECK(t->wrong_loop == 0);
  CHECK(f.flights() == 0);
  SECTION("the next miss loads again") {
    callers.spawn(l.at(1), call(f, t, loader_of(t, std::string("loaded")), in(20s)));
    l.finish(callers);
    l.finish(loads);
    CHECK(t->loads == 2);
  }
}

TEST_CASE("a loader's failure reaches every waiter") {
  loops l(2);
  runtime::task_group loads, callers;
  flights f(loads, 1000);
  auto t = std::make_shared<tally>();
  SECTION("as the error it answers") {
    for (unsigned i = 0; i < 100; ++i) {
      callers.spawn(l.at(i), call(f, t, loader_of(t, error{errc::unavailable, "down"}), in(20s)));
    }
    l.joined(t->arrived, 100);
    t->release = true;
    l.finish(callers);
    CHECK(t->unavailable == 100);
    CHECK(t->loads == 1);
  }
  SECTION("as errc::internal when it throws") {
    callers.spawn(l.at(0), call(f, t, [] { return load_and_throw(); }, in(20s)));
    l.finish(callers);
    CHECK(t->internal == 1);
  }
  l.finish(loads);
}

TEST_CASE("a waiter that leaves harms nobody") {
  loops l(2);
  runtime::task_group loads, patient, hasty;
  flights f(loads, 1000);
  auto t = std::make_shared<tally>();
  SECTION("by cancellation, even the one that began the load") {
    hasty.spawn(l.at(0), call(f, t, loader_of(t, std::string("loaded")), in(20s)));
    wait_for(t->loads, 1);
    patient.spawn(l.at(1), call(f, t, loader_of(t, std::string("loaded")), in(20s)));
    l.joined(t->arrived, 2);
    hasty.cancel();
    l.finish(hasty);
    CHECK(t->cancelled == 1);
  }
  SECTION("by its deadline") {
    patient.spawn(l.at(0), call(f, t, loader_of(t, std::string("loaded")), in(20s)));
    wait_for(t->loads, 1);
    hasty.spawn(l.at(1), call(f, t, loader_of(t, std::string("loaded")), in(5ms)));
    l.finish(hasty);
    CHECK(t->timeouts == 1);
  }
  t->release = true;
  l.finish(patient);
  l.finish(loads);
  CHECK(t->values == 1);
  CHECK(t->loads == 1);
}

TEST_CASE("the number of waiters of a load is bounded") {
  loops l(1);
  runtime::task_group loads, callers;
  flights f(loads, 10);
  auto t = std::make_shared<tally>();
  for (unsigned i = 0; i < 15; ++i) callers.spawn(l.at(0), call(f, t, loader_of(t, std::string("loaded")), in(20s)));
  l.joined(t->arrived, 15);
  wait_for(t->overloaded, 5);
  t->release = true;
  l.finish(callers);
  l.finish(loads);
  CHECK(t->overloaded == 5);
  CHECK(t->values == 10);
}
