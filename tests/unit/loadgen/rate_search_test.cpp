// The search for the highest rate, on models of servers.
#include "roles/loadgen/rate_search.hpp"

#include "distsys/runtime/random.hpp"
#include "roles/loadgen/find_max.hpp"
#include "tests/support/catch.hpp"

#include <algorithm>
#include <functional>

namespace distsys::roles::loadgen {
namespace {

rate_search search(double first, const std::function<bool(double)>& holds, unsigned most = 40) {
  rate_search s(first, 0.05, most);
  while (const auto rate = s.next()) s.note(holds(*rate));
  return s;
}

TEST_CASE("a server with a clear limit is found within the precision") {
  for (const double limit : {3.0, 77.0, 950.0, 12'345.0, 333'333.0}) {
    for (const double first : {1.0, 1000.0, 500'000.0}) {
      const auto s = search(first, [&](double rate) { return rate <= limit; });
      INFO("limit " << limit << ", first " << first << ", found " << s.found());
      CHECK(s.verified());
      CHECK(s.found() <= limit);
      CHECK(s.found() >= limit * 0.94 - 1);
      REQUIRE(s.failed());
      CHECK(*s.failed() > limit);
      CHECK(s.runs() == 3);
      CHECK(s.held() == 3);
    }
  }
}

TEST_CASE("doubling, then bisection, then two runs more") {
  const auto s = search(100, [](double rate) { return rate <= 500; });
  std::vector<double> rates;
  for (const auto& t : s.trials()) rates.push_back(t.rate);
  CHECK(std::vector<double>(rates.begin(), rates.begin() + 6) == std::vector<double>{100, 200, 400, 800, 600, 500});
  CHECK(s.trials()[3].why == rate_search::reason::doubled);
  CHECK(s.trials()[4].why == rate_search::reason::bisected);
  CHECK(s.trials().back().why == rate_search::reason::verified);
  CHECK(s.trials().back().rate == 500);
}

TEST_CASE("a queue whose latency grows near its capacity") {
  // M/M/1 with 10,000/s: p99 = ln(100) / (mu - lambda). Under 5 ms while lambda <= 9,079.
  const auto s = search(1000, [](double rate) { return rate < 10'000 && 4.605 / (10'000 - rate) < 0.005; });
  CHECK(s.verified());
  CHECK(s.found() == Approx(9079).epsilon(0.05));
}

TEST_CASE("a server that is noisy near its limit") {
  runtime::random r(8);
  unsigned good = 0;
  for (int i = 0; i < 200; ++i) {
    // Holds for sure up to 900, never over 1,100, by chance between.
    const auto s = search(100, [&](double rate) { return r.uniform(900, 1100) > rate; });
    CHECK(s.trials().size() <= 40);
    if (!s.verified()) continue;
    ++good;
    CHECK(s.held() >= 2);
    CHECK(s.found() <= 1100);
    CHECK(s.found() >= 800);
  }
  CHECK(good > 180);
}

TEST_CASE("a first good run that does not stand is taken back") {
  unsigned asked = 0;
  // 100 holds once and never again; 50 holds.
  const auto s = search(100, [&](double rate) { return rate <= 50 || (rate <= 100 && asked++ == 0); });
  CHECK(s.verified());
  CHECK(s.found() <= 52);
  CHECK(*s.failed() <= 100);
}

TEST_CASE("what never holds and what always holds both end") {
  const auto none = search(1000, [](double) { return false; });
  CHECK(none.found() == 0);
  CHECK_FALSE(none.verified());
  CHECK(none.trials().size() < 15);
  const auto all = search(1000, [](double) { return true; });
  CHECK(all.found() == 1e7);
  CHECK(all.verified());
  CHECK_FALSE(all.failed());
  const auto few = search(1, [](double rate) { return rate < 1e6; }, 5);
  CHECK(few.trials().size() == 5);
  CHECK_FALSE(few.verified());
}

TEST_CASE("a step holds when the condition does, the generator kept up, and what was due was sent") {
  const auto c = parse_condition("p99<10ms").value();
  report r;
  r.seconds = 3;
  r.is_open = true;
  r.counts.sent = 100;
  r.counts.latency.record(500);
  CHECK(judge_step(c, r, 50, "first").held);
  r.counts.unsent = 10;
  auto s = judge_step(c, r, 50, "first");
  CHECK_FALSE(s.held);
  CHECK(s.valid);
  REQUIRE(s.notes.size() == 1);
  CHECK(s.notes[0].find("9.1 %") != std::string::npos);
  r.counts.unsent = 0;
  r.counts.lag.record(5000);
  s = judge_step(c, r, 50, "first");
  CHECK_FALSE(s.held);
  CHECK_FALSE(s.valid);
  r.counts.lag = {};
  r.counts.latency.record(20'000);
  CHECK_FALSE(judge_step(c, r, 50, "first").held);
}

TEST_CASE("a server that refuses quickly what is too much for it has not served it") {
  // 500/s are served; above, everything else is a quick 503.
  const auto model = [](double rate) {
    report r;
    r.seconds = 1;
    r.is_open = true;
    r.counts.sent = r.counts.answers = static_cast<std::uint64_t>(rate);
    r.counts.good = std::min<std::uint64_t>(r.counts.answers, 500);
    r.counts.statuses[200] = r.counts.good;
    r.counts.statuses[503] = r.counts.answers - r.counts.good;
    for (std::uint64_t i = 0; i < r.counts.answers; ++i) r.counts.latency.record(300);
    return r;
  };
  const auto limit = [&](const char* condition) {
    const auto c = parse_condition(condition).value();
    return search(100, [&](double rate) { return judge_step(c, model(rate), rate, "first").held; }, 12).found();
  };
  CHECK(limit("p99<10ms") == Approx(500).epsilon(0.06));
  CHECK(limit("p99<10ms && 4xx<1%") == Approx(500).epsilon(0.06));
  CHECK(limit("p99<10ms && 5xx<50%") == Approx(1000).epsilon(0.06));
  const auto s = judge_step(parse_condition("p99<10ms").value(), model(1000), 1000, "first");
  CHECK(s.valid);
  REQUIRE(s.notes.size() == 1);
  CHECK(s.notes[0] == "50.0 % of the answers had a status of 400 or above");
}

}  // namespace
}  // namespace distsys::roles::loadgen
