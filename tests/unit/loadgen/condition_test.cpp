#include "roles/loadgen/condition.hpp"

#include "roles/loadgen/page.hpp"
#include "roles/loadgen/report.hpp"
#include "tests/support/catch.hpp"

namespace distsys::roles::loadgen {
namespace {

report some() {
  report r;
  for (std::uint64_t v = 1; v <= 1000; ++v) r.counts.latency.record(v);
  r.counts.raw.record(50);
  r.counts.lag.record(7);
  r.counts.sent = 2000;
  r.counts.answers = 1900;
  r.counts.statuses[200] = 1850;
  r.counts.statuses[404] = 30;
  r.counts.statuses[503] = 20;
  r.counts.failures[0] = 100;
  r.counts.hits = 75;
  r.counts.misses = 25;
  r.seconds = 10;
  r.busy = 0.25;
  r.is_open = true;
  return r;
}

bool holds(std::string_view text, const report& r) {
  const auto c = parse_condition(text);
  INFO(text << (c ? "" : c.error().detail));
  REQUIRE(c);
  bool all = true;
  for (const comparison& one : c->all) all = judge(one, r).holds && all;
  return all;
}

TEST_CASE("every figure can be compared, with its own kind of value") {
  const report r = some();
  for (const char* yes :
       {"p50<=527us", "p95>989us", "min<2us", "errors<101", "errors>4.9%", "errors<=5 %", "4xx>=30", "5xx<=1%",
        "5xx<21", "hit_ratio>=75%", "hit_ratio<0.76", "rate>189", "busy<26%", "send_lag<8us", "raw.p50<51us",
        "corrected.p50>400us", "p90<10ms && errors<10%, hit_ratio>50%"}) {
    INFO(yes);
    CHECK(holds(yes, r));
  }
  report whole = r;
  whole.counts.failures = {};
  for (const char* yes : {"p99>989us", "p99.999 <= 1ms", "mean<501us", "mean > 500us", "max>=1ms", "stddev>250us",
                          "p100>999us", "p50<=500us"}) {
    INFO(yes);
    CHECK(holds(yes, whole));
  }
  for (const char* no : {"p50<500us", "errors<5%", "5xx<20", "hit_ratio>75%", "p99<10ms && errors<1%"}) {
    INFO(no);
    CHECK_FALSE(holds(no, r));
  }
}

TEST_CASE("a judgement says by how much") {
  report r = some();
  r.counts.failures = {};
  CHECK(judge(parse_condition("max<0.5ms")->all[0], r).text == "max was 1.00 ms: not < 500 us, 500 us (100 %) over");
  r.counts.failures[0] = 100;
  CHECK(judge(parse_condition("errors<2%")->all[0], r).text == "errors was 5.0 %: not < 2.0 %, 3.0 % (150 %) over");
  CHECK(judge(parse_condition("rate>100")->all[0], r).text == "rate was 190/s: > 100/s, 90/s (90 %) over");
}

TEST_CASE("what was not measured does not hold") {
  const report r;
  for (const char* text : {"p99<1s", "hit_ratio>0.1", "errors<1%", "raw.max<1s", "corrected.p50<1h", "send_lag<1s"}) {
    INFO(text);
    const auto j = judge(parse_condition(text)->all[0], r);
    CHECK_FALSE(j.known);
    CHECK_FALSE(j.holds);
    CHECK(j.text.find("was not measured") != std::string::npos);
  }
}

TEST_CASE("requests without an answer are slower than every answer") {
  report r = some();  // 1,900 answers
  r.counts.failures = {};
  r.counts.unfinished = 20;
  r.counts.unsent = 80;  // 5 % of what was due was never answered
  for (const char* text : {"p96<1h", "p99>1us", "p99.9<1h", "raw.p99<1h", "mean<1h", "max<1h", "stddev<1h"}) {
    INFO(text);
    const auto j = judge(parse_condition(text)->all[0], r);
    CHECK_FALSE(j.known);
    CHECK_FALSE(j.holds);
    CHECK(j.text.find("of 2,000 requests that were due 100 were never answered") != std::string::npos);
  }
  CHECK(holds("p95>=1ms && min<2us", r));  // the slowest answer
  CHECK(holds("p50>525us && p50<528us", r));
  plan p;
  p.urls = {"http://a/"};
  p.fail_if = {parse_condition("p99>1h").value(), parse_condition("p50>1h").value()};
  r.judge_thresholds(p);
  CHECK(r.thresholds[0].failed);
  CHECK_FALSE(r.thresholds[1].failed);
  CHECK(as_text(r, p, false).find("100 requests were never answered; they are slower") != std::string::npos);
  CHECK(as_json(r, p).at("unanswered").as_uint64() == 100);
  const shown_run one[] = {{"", as_json(r, p)}};
  CHECK(as_page(one).find("100 requests were never answered") != std::string::npos);
}

TEST_CASE("a threshold fails when all of it holds, and when it was not measured") {
  plan p;
  p.fail_if = {parse_condition("p99>1us && errors>1%").value(), parse_condition("p99>1us && errors>90%").value(),
               parse_condition("corrected.p90>1h").value()};
  report r = some();
  r.judge_thresholds(p);
  REQUIRE(r.thresholds.size() == 3);
  CHECK(r.thresholds[0].failed);
  CHECK_FALSE(r.thresholds[1].failed);
  CHECK_FALSE(r.thresholds[2].failed);
  CHECK(r.failed());
  report empty;
  empty.judge_thresholds(p);
  CHECK(empty.thresholds[2].failed);
}

TEST_CASE("a condition that makes no sense is refused with the reason") {
  for (const auto& [text, said] :
       std::initializer_list<std::pair<const char*, const char*>>{{"", "empty"},
                                                                  {"p99<10ms &&", "empty"},
                                                                  {"p99", "write it like p99<10ms"},
                                                                  {"p99<", "not a duration"},
                                                                  {"p99<10", "not a duration"},
                                                                  {"p101<10ms", "no percentile"},
                                                                  {"meen<10ms", "did you mean mean?"},
                                                                  {"speed<10ms", "no figure"},
                                                                  {"errors<ten", "not a number"},
                                                                  {"errors<-1", "not a number"},
                                                                  {"hit_ratio<80", "share of 0 to 1"},
                                                                  {"rate>10%", "answers a second"},
                                                                  {"raw.errors<1", "only latencies"}}) {
    const auto c = parse_condition(text);
    INFO(text);
    REQUIRE(c.has_error());
    INFO(c.error().detail);
    CHECK(c.error().detail.find(said) != std::string::npos);
  }
}

TEST_CASE("a run is invalid when the generator was the bottleneck, and only then") {
  report r = some();
  CHECK(r.invalid_because().empty());
  r.busy = 0.95;
  REQUIRE(r.invalid_because().size() == 1);
  CHECK(r.invalid_because()[0].find("95 %") != std::string::npos);
  r.busy = 0.1;
  for (int i = 0; i < 10; ++i) r.counts.lag.record(1500);
  REQUIRE(r.invalid_because().size() == 1);
  CHECK(r.invalid_because()[0].find("late") != std::string::npos);
  CHECK(as_json(r, plan{}).at("valid").as_bool() == false);
  CHECK(as_text(r, plan{.urls = {"http://a/"}}, false).find("INVALID") != std::string::npos);
}

}  // namespace
}  // namespace distsys::roles::loadgen
