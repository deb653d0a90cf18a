// What a user writes about arrivals, and the times that come of it.
#include "roles/loadgen/arrivals.hpp"

#include "roles/loadgen/schedule.hpp"
#include "tests/support/catch.hpp"

#include <cmath>
#include <vector>

namespace distsys::roles::loadgen {
namespace {

using namespace std::chrono_literals;

const runtime::steady_clock::time_point start{};

/// Of all lanes, in seconds, in their order; those before `until`.
std::vector<double> times(const arrival_plan& plan, double until, unsigned lanes = 1, std::uint64_t seed = 1) {
  std::vector<double> out;
  for (unsigned lane = 0; lane < lanes; ++lane) {
    schedule s(plan, start, seed, lane, lanes);
    while (const auto a = s.next()) {
      const double t = std::chrono::duration<double>(a->at - start).count();
      if (t >= until) break;
      if (out.size() <= a->number) out.resize(a->number + 1, -1);
      out[a->number] = t;
    }
  }
  return out;
}

arrival_plan plan_of(std::string_view text, double rate = 0) {
  const auto p = parse_arrivals(text, rate);
  INFO(text << (p ? "" : p.error().detail));
  REQUIRE(p);
  return *p;
}

TEST_CASE("constant arrivals are even and do not drift") {
  const auto t = times(plan_of("constant:1000"), 1);
  REQUIRE(t.size() == 1000);
  for (std::size_t i = 0; i < t.size(); ++i) CHECK(t[i] == Approx(static_cast<double>(i) / 1000).margin(2e-9));
}

TEST_CASE("the load is the same however many lanes share it") {
  for (const char* text : {"constant:700", "poisson:500", "uniform:1ms-3ms", "burst:7/10ms", "ramp:100-900@1s"}) {
    INFO(text);
    const auto plan = plan_of(text);
    const auto one = times(plan, 0.9);
    CHECK(one.size() > 100);
    for (const unsigned lanes : {2U, 3U, 7U}) CHECK(times(plan, 0.9, lanes) == one);
  }
}

TEST_CASE("a ramp sends what the area under it says") {
  // From 100 to 300 in 10 s: n(t) = 100 t + 10 t^2; so 2,000 in all.
  const auto t = times(plan_of("ramp:100-300@10s"), 100);
  REQUIRE(t.size() == 2000);
  for (std::size_t i = 0; i < t.size(); ++i)
    REQUIRE(100 * t[i] + 10 * t[i] * t[i] == Approx(static_cast<double>(i)).margin(1e-6));
  // Falling to nothing: half as many, and none after.
  const auto down = times(plan_of("ramp:200-0@4s"), 100);
  CHECK(down.size() == 400);
  CHECK(down.back() < 4);
  CHECK(times(plan_of("ramp:0-200@4s"), 100).size() == 400);
}

TEST_CASE("bursts come together, pauses are silent, phases follow each other") {
  const auto t = times(plan_of("burst:3/500ms@1s, pause@2s, constant:2@1s"), 100);
  CHECK(t == std::vector<double>{0, 0, 0, 0.5, 0.5, 0.5, 3, 3.5});
  const auto plan = plan_of("constant:10@1s,constant:20@2s");
  CHECK(plan.seconds() == 3);
  CHECK(plan.mean_rate() == Approx(50.0 / 3));
  CHECK(times(plan, 100).size() == 50);
}

TEST_CASE("Poisson arrivals have the rate, and gaps that vary as much as they last") {
  for (const char* text : {"poisson:250", "exponential:4ms"}) {
    const auto t = times(plan_of(text), 400, 2, 5);
    double squares = 0;
    for (std::size_t i = 1; i < t.size(); ++i) squares += (t[i] - t[i - 1]) * (t[i] - t[i - 1]);
    const double n = static_cast<double>(t.size()) - 1, mean = (t.back() - t.front()) / n;
    CHECK(mean == Approx(1.0 / 250).epsilon(0.02));
    CHECK(std::sqrt(squares / n - mean * mean) == Approx(mean).epsilon(0.03));
  }
  // A Poisson ramp: 100 t + 10 t^2 again, give or take.
  const auto t = times(plan_of("poisson:100-300@10s"), 100, 1, 3);
  CHECK(std::abs(static_cast<double>(t.size()) - 2000) < 5 * std::sqrt(2000.0));
  const auto half = static_cast<double>(std::count_if(t.begin(), t.end(), [](double x) { return x < 5; }));
  CHECK(std::abs(half - 750) < 5 * std::sqrt(750.0));
}

TEST_CASE("uniform gaps of one to three seconds, as the relatives of the original have them") {
  const auto plan = plan_of("uniform:1s-3s");
  CHECK(plan.mean_rate() == Approx(0.5));
  const auto t = times(plan, 20'000);
  double least = 9, most = 0;
  for (std::size_t i = 1; i < t.size(); ++i) {
    least = std::min(least, t[i] - t[i - 1]);
    most = std::max(most, t[i] - t[i - 1]);
  }
  CHECK(least >= 1);
  CHECK(least < 1.01);
  CHECK(most < 3);
  CHECK(most > 2.99);
  CHECK(static_cast<double>(t.size()) == Approx(10'000).epsilon(0.02));
}

TEST_CASE("the same seed is the same load") {
  const auto plan = plan_of("poisson:100");
  CHECK(times(plan, 10, 1, 4) == times(plan, 10, 1, 4));
  CHECK(times(plan, 10, 1, 4) != times(plan, 10, 1, 5));
}

TEST_CASE("constant and poisson alone take the rate") {
  CHECK(times(plan_of("constant", 50), 1).size() == 50);
  CHECK(plan_of("poisson", 50).mean_rate() == 50);
}

TEST_CASE("a warm-up goes before, at the rate that the load begins with") {
  const auto t = times(plan_of("ramp:10-30@10s").after_warm_up(2), 100);
  REQUIRE(t.size() == 20 + 200);
  CHECK(t[19] == Approx(1.9));
  CHECK(t[20] == Approx(2));
  CHECK(times(plan_of("pause@1s,constant:5@1s").after_warm_up(2), 100).front() == Approx(3));
}

TEST_CASE("what cannot be meant is refused with the reason") {
  for (const auto& [text, said] :
       std::initializer_list<std::pair<const char*, const char*>>{{"constant", "--rate"},
                                                                  {"poison:5", "did you mean poisson?"},
                                                                  {"constant:five", "is not a rate"},
                                                                  {"constant:-5", "is not a rate"},
                                                                  {"constant:1e9", "is not a rate"},
                                                                  {"ramp:1-2", "how long"},
                                                                  {"ramp:5@3s", "ramp:100-2000@30s"},
                                                                  {"constant:5,poisson:5", "only the last phase"},
                                                                  {"constant:5@0s,poisson:5", "more than 0"},
                                                                  {"constant:5@x", "duration"},
                                                                  {"burst:5", "COUNT/DURATION"},
                                                                  {"burst:0/1s", "COUNT/DURATION"},
                                                                  {"uniform:3s-1s", "less than the first"},
                                                                  {"uniform:3s", "two durations"},
                                                                  {"exponential:0s", "no end"},
                                                                  {"pause", "pause@DURATION"},
                                                                  {"pause@5s", "sends nothing"},
                                                                  {"constant:0", "pause@DURATION"},
                                                                  {"", "arrivals are"}}) {
    const auto p = parse_arrivals(text, 0);
    INFO(text);
    REQUIRE(p.has_error());
    INFO(p.error().detail);
    CHECK(p.error().detail.find(said) != std::string::npos);
  }
}

TEST_CASE("a schedule file holds rates or times") {
  const auto rates = parse_schedule("# from  rate\n0 10\n2s 0\n3 20/s # more\n4 0\n", "f");
  REQUIRE(rates);
  CHECK(rates->seconds() == 4);
  const auto t = times(*rates, 100);
  REQUIRE(t.size() == 40);
  CHECK(t[19] == Approx(1.9));
  CHECK(t[20] == Approx(3));
  const auto open_end = parse_schedule("1.5 10\n", "f");
  REQUIRE(open_end);
  CHECK(times(*open_end, 2.5).front() == Approx(1.5));
  CHECK(times(*open_end, 2.5).size() == 10);

  const auto moments = parse_schedule("0.25\n250ms\n1\n\n", "f");
  REQUIRE(moments);
  CHECK(times(*moments, 100) == std::vector<double>{0.25, 0.25, 1});
  CHECK(times(*moments, 100, 2) == std::vector<double>{0.25, 0.25, 1});

  for (const auto& [text, said] : std::initializer_list<std::pair<const char*, const char*>>{
           {"0 5\n0 6\n", "f:2: the times do not ascend"},
           {"0 5\nx 6\n", "f:2: 'x' is not a time"},
           {"0 5\n1\n", "f:2: lines TIME RATE and lines TIME do not mix"},
           {"2\n1\n", "f:2: the times do not ascend"},
           {"-1\n", "f:1: a time"},
           {"0 fast\n", "f:1: 'fast' is not a rate"},
           {"# nothing\n", "no requests"},
           {"0 0\n", "no requests"}}) {
    const auto p = parse_schedule(text, "f");
    INFO(text);
    REQUIRE(p.has_error());
    INFO(p.error().detail);
    CHECK(p.error().detail.find(said) != std::string::npos);
  }
}

TEST_CASE("what was due and not asked for is counted") {
  const auto plan = plan_of("constant:1000");
  schedule s(plan, start, 1, 0, 1);
  s.next();
  CHECK(s.due_before(start + 100ms, 1'000'000).due == 99);
  schedule bounded(plan, start, 1, 0, 1);
  CHECK(bounded.due_before(start + 100ms, 7).due == 7);
}

TEST_CASE("what was due is the same computed and drawn") {
  for (const char* text :
       {"constant:333@2s,burst:7/300ms@2s,ramp:10-400@3s,pause@1s,ramp:400-0@2s,poisson:50@1s,constant:70",
        "constant:333", "pause@1s,constant:0.3", "burst:100/2s"}) {
    const auto plan = plan_of(text);
    for (const auto end : {0ms, 1ms, 700ms, 2000ms, 2301ms, 5000ms, 9999ms, 13'000ms}) {
      for (const unsigned lanes : {1u, 3u}) {
        schedule computed(plan, start, 5, lanes - 1, lanes), drawn(plan, start, 5, lanes - 1, lanes);
        INFO(text << " until " << end.count() << " ms, of " << lanes);
        for (int i = 0; i < 3; ++i) {
          computed.next();
          drawn.next();
        }
        std::uint64_t n = 0;
        for (auto a = drawn.next(); a && a->at < start + end; a = drawn.next()) ++n;
        const auto rest = computed.due_before(start + end, 1'000'000);
        CHECK(rest.due == n);
        CHECK_FALSE(rest.more);
      }
    }
  }
}

TEST_CASE("counting what was due takes no time to speak of") {
  constexpr auto most = std::numeric_limits<std::uint64_t>::max();
  const auto even = plan_of("constant:10000000");
  CHECK(schedule(even, start, 1, 0, 2).due_before(start + 24h, most).due == 432'000'000'000);  // one by one: hours
  const auto drawn = plan_of("poisson:10000000");
  const auto rest = schedule(drawn, start, 1, 0, 2).due_before(start + 24h, most);
  CHECK(rest.more);
  CHECK(rest.due == 500'000);
}

TEST_CASE("a time too far for nanoseconds is no time of the past") {
  const auto slow = plan_of("constant:0.000000000001");
  schedule s(slow, start, 1, 0, 1);
  s.next();
  CHECK(s.next()->at > start + 24h * 365 * 50);
}

TEST_CASE("a span of thinking has its mean") {
  runtime::random r(3);
  for (const char* text : {"20ms", "uniform:10ms-30ms", "exponential:20ms", "normal:20ms/15ms", "normal:1ms/20ms"}) {
    const auto d = delay::parse(text);
    REQUIRE(d);
    double sum = 0;
    constexpr int n = 200'000;
    for (int i = 0; i < n; ++i) {
      const double v = d->draw(r);
      REQUIRE(v >= 0);
      sum += v;
    }
    INFO(text);
    CHECK(sum / n == Approx(d->mean()).epsilon(0.02));
  }
  for (const char* bad : {"", "2", "uniform:2s", "gaussian:1s", "normal:1s-2s", "constant:1s-2s", "exponential:"})
    CHECK(delay::parse(bad).has_error());
}

}  // namespace
}  // namespace distsys::roles::loadgen
