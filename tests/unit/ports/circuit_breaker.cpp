// The circuit breaker, in times that the tests choose.
#include "src/ports/circuit_breaker.hpp"

#include "tests/support/catch.hpp"

#include <algorithm>
#include <vector>

namespace distsys::ports {

namespace {

using namespace std::chrono_literals;
using state = circuit_breaker::state;
using ticket = circuit_breaker::ticket;
using effect = circuit_breaker::effect;

const error unavailable{errc::unavailable, "refused"};
const error timeout{errc::timeout};

struct breaker_case {
  explicit breaker_case(std::uint64_t seed = 7) : breaker(resilience::remote(), seed) {}

  circuit_breaker breaker;
  circuit_breaker::time_point now{1h};

  effect call(const error* failure) {
    const auto got = breaker.admit(now);
    REQUIRE(got != ticket::refused);
    return breaker.settle(got, failure, now, now);
  }
  void open() {
    for (int i = 0; i < 4; ++i) CHECK(call(&unavailable) == effect::counted);
    CHECK(call(&unavailable) == effect::opened);
    CHECK(breaker.current() == state::open);
  }
  /// Lets the pause pass, and answers how long it was.
  circuit_breaker::time_point::duration wait() {
    const auto pause = breaker.next_try() - now;
    CHECK(breaker.admit(now + pause - 1ns) == ticket::refused);
    now += pause;
    return pause;
  }
};

}  // namespace

TEST_CASE("five unavailable calls in a row open the breaker, or ten timeouts") {
  breaker_case t;
  t.open();
  breaker_case late;
  for (int i = 0; i < 9; ++i) CHECK(late.call(&timeout) == effect::counted);
  CHECK(late.call(&timeout) == effect::opened);
}

TEST_CASE("a success, or an answer that shows that the backend works, begins the row anew") {
  breaker_case t;
  const error answer{errc::not_found};
  for (const error* good : {static_cast<const error*>(nullptr), &answer}) {
    for (int round = 0; round < 3; ++round) {
      for (int i = 0; i < 4; ++i) CHECK(t.call(&unavailable) == effect::counted);
      CHECK(t.call(good) == effect::counted);
    }
  }
  CHECK(t.breaker.current() == state::closed);
}

TEST_CASE("what says nothing about reaching the backend neither counts nor begins the row anew") {
  breaker_case t;
  for (int i = 0; i < 4; ++i) (void)t.call(&unavailable);
  for (const errc silent : {errc::cancelled, errc::overloaded, errc::indeterminate, errc::corrupt}) {
    const error e{silent};
    CHECK(t.call(&e) == effect::counted);
  }
  CHECK(t.call(&unavailable) == effect::opened);
}

TEST_CASE("after the pause one call tries: a success closes the breaker, a failure opens it for longer") {
  breaker_case t;
  t.open();
  (void)t.wait();
  CHECK(t.breaker.admit(t.now) == ticket::probe);
  CHECK(t.breaker.current() == state::half_open);
  CHECK(t.breaker.admit(t.now) == ticket::refused);
  CHECK(t.breaker.settle(ticket::probe, &timeout, t.now, t.now) == effect::counted);
  CHECK(t.breaker.current() == state::open);
  (void)t.wait();
  CHECK(t.call(nullptr) == effect::closed);
  CHECK(t.breaker.admit(t.now) == ticket::pass);
  t.open();  // it takes five again
}

TEST_CASE("pauses grow with jitter from 100 ms to 5 s, and begin anew") {
  std::vector<std::chrono::nanoseconds> longest;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    breaker_case t(seed);
    t.open();
    std::chrono::nanoseconds most{};
    for (int i = 0; i < 40; ++i) {
      const auto pause = t.wait();
      CHECK(pause >= 100ms);
      CHECK(pause <= (i == 0 ? 300ms : 5s));
      most = std::max<std::chrono::nanoseconds>(most, pause);
      (void)t.call(&unavailable);
    }
    longest.push_back(most);
    (void)t.wait();
    CHECK(t.call(nullptr) == effect::closed);
    t.open();
    CHECK(t.wait() <= 300ms);
  }
  CHECK(std::ranges::all_of(longest, [](auto p) { return p > 2s; }));
  CHECK(std::ranges::adjacent_find(longest) == longest.end());
}

TEST_CASE("calls from before the opening change nothing when they end") {
  breaker_case t;
  const auto early = t.breaker.admit(t.now);
  t.open();
  const auto until = t.breaker.next_try();
  CHECK(t.breaker.settle(early, nullptr, t.now, t.now) == effect::stray);
  CHECK(t.breaker.settle(early, &unavailable, t.now, t.now) == effect::stray);
  CHECK(t.breaker.current() == state::open);
  CHECK(t.breaker.next_try() == until);
}

TEST_CASE("tries that were under way when one failed count with it as one") {
  breaker_case t;
  for (int moment = 0; moment < 5; ++moment) {
    const auto began = t.now;
    t.now += 1ms;
    for (int i = 0; i < 20; ++i) {
      CHECK(t.breaker.current() == state::closed);
      t.now += 1us;  // they do not end at the same instant
      const auto came = t.breaker.settle(ticket::pass, &unavailable, began, t.now);
      if (moment < 4) CHECK(came == effect::counted);
      if (came == effect::opened) break;
    }
  }
  CHECK(t.breaker.current() == state::open);
  breaker_case late;  // each waited for its own deadline
  for (int i = 0; i < 9; ++i)
    CHECK(late.breaker.settle(ticket::pass, &timeout, circuit_breaker::time_point(1h), late.now += 1ms) ==
          effect::counted);
  CHECK(late.breaker.settle(ticket::pass, &timeout, circuit_breaker::time_point(1h), late.now) == effect::opened);
}

TEST_CASE("a ping goes through an open breaker, and closes it") {
  breaker_case t;
  CHECK(t.breaker.admit_always(t.now) == ticket::pass);
  t.open();
  CHECK(t.breaker.admit_always(t.now) == ticket::probe);
  CHECK(t.breaker.settle(ticket::probe, nullptr, t.now, t.now) == effect::closed);
}

TEST_CASE("a probe that told nothing, or never ended, is followed by another") {
  breaker_case t;
  const error cancelled{errc::cancelled};
  t.open();
  (void)t.wait();
  CHECK(t.call(&cancelled) == effect::counted);
  CHECK(t.breaker.admit(t.now) == ticket::probe);  // and is heard of no more
  CHECK(t.breaker.admit(t.now + 5s - 1ns) == ticket::refused);
  CHECK(t.breaker.admit(t.now + 5s) == ticket::probe);
}

}  // namespace distsys::ports
