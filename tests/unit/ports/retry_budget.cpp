// The retry budget, in times that the tests choose.
#include "src/ports/retry_budget.hpp"

#include "tests/support/catch.hpp"

namespace distsys::ports {

namespace {

using namespace std::chrono_literals;

struct budget_case {
  retry_budget::time_point now{1h};
  retry_budget budget{now};

  int take_all() {
    int taken = 0;
    while (budget.take(now)) ++taken;
    return taken;
  }
  void calls(int n) {
    for (int i = 0; i < n; ++i) budget.count_call();
  }
};

}  // namespace

TEST_CASE("a tenth of the calls may be tried again, beside the few of the start") {
  budget_case t;
  CHECK(t.take_all() == 10);
  t.calls(9);
  CHECK(t.take_all() == 0);
  t.calls(1);
  CHECK(t.take_all() == 1);
  t.calls(250);
  CHECK(t.take_all() == 25);
}

TEST_CASE("a long time without failures saves no more than a hundred retries") {
  budget_case t;
  t.calls(1'000'000);
  CHECK(t.take_all() == 100);
}

TEST_CASE("where calls are rare, time gives a retry a second, up to ten") {
  budget_case t;
  CHECK(t.take_all() == 10);
  t.now += 999ms;
  CHECK(t.take_all() == 0);
  t.now += 1ms;
  CHECK(t.take_all() == 1);
  t.now += 3500ms;
  CHECK(t.take_all() == 3);
  t.now += 500ms;
  CHECK(t.take_all() == 1);
  t.now += 1h;
  CHECK(t.take_all() == 10);
}

}  // namespace distsys::ports
