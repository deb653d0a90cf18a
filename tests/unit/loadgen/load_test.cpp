// The generator's loads against a scripted server: warm-up, users, replay, open loop.
#include "run_plan.hpp"

#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace distsys::roles::loadgen {
namespace {

using namespace std::chrono_literals;

TEST_CASE("a warm-up is sent and not counted") {
  std::atomic<int> asked{0};
  scripted_server server([&](script_connection& c) {
    while (!c.read_head().empty()) {
      ++asked;
      c.send("HTTP/1.1 204 N\r\n\r\n");
    }
  });
  for (const bool open : {false, true}) {
    asked = 0;
    auto p = against(server, 60, 2);
    p.warm_up = 200ms;
    if (open) open_at(p, "constant:300");
    const auto r = run(std::move(p));
    INFO("open " << open);
    CHECK(r.counts.answers == 60);
    CHECK(r.counts.latency.count() == 60);
    CHECK(r.warm_up_answers > 0);
    CHECK(r.warm_up_answers + 60 == static_cast<std::uint64_t>(asked));
    if (open) CHECK(r.warm_up_sent == 60);
  }
}

TEST_CASE("users think between requests, and leave when their session is over") {
  scripted_server server([](script_connection& c) {
    while (!c.read_head().empty()) c.send("HTTP/1.1 204 N\r\n\r\n");
  });
  auto p = against(server, 12, 2);
  p.think = delay::parse("20ms").value();
  p.session_length = 3;
  const auto r = run(std::move(p), 1);
  CHECK(r.counts.answers == 12);
  CHECK(r.counts.sessions == 4);
  CHECK(server.connections() == 4);
  CHECK(r.seconds >= 0.08);  // a session thinks twice, two follow each other
  REQUIRE(r.corrected() != nullptr);
  CHECK(r.expected_interval == 20ms);
}

TEST_CASE("each arrival of a replayed log asks what its line asked, and in its order") {
  std::mutex mutex;
  std::vector<std::string> asked;
  scripted_server server([&](script_connection& c) {
    for (std::string head = c.read_head(); !head.empty(); head = c.read_head()) {
      const std::scoped_lock lock(mutex);
      asked.push_back(head.substr(0, head.find(" HTTP")));
      c.send(head.starts_with("HEAD") ? "HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n" : "HTTP/1.1 204 N\r\n\r\n");
    }
  });
  auto p = against(server, 0, 1);
  p.requests.reset();
  p.duration = 300ms;
  p.arrivals.times = std::make_shared<const std::vector<std::int64_t>>(std::vector<std::int64_t>{0, 10'000, 30'000});
  p.replayed = std::make_shared<const std::vector<std::uint32_t>>(std::vector<std::uint32_t>{1, 0, 1});
  make_replay(p, {{"GET", "/a b"}, {"HEAD", "/h?x"}});
  const auto r = run(std::move(p), 1);
  CHECK(r.counts.good == 3);
  CHECK(asked == std::vector<std::string>{"HEAD /h?x", "GET /a%20b", "HEAD /h?x"});
}

TEST_CASE("an open loop has the latency from sending too, and a line for each interval") {
  scripted_server server([](script_connection& c) {
    while (!c.read_head().empty()) {
      std::this_thread::sleep_for(20ms);
      c.send("HTTP/1.1 204 N\r\n\r\n");
    }
  });
  auto p = against(server, 30, 1);
  open_at(p, "constant:200");
  p.fail_if = {parse_condition("p99>100ms").value(), parse_condition("raw.p50>10s").value()};
  const auto what = p;
  auto r = run(std::move(p), 1);
  r.judge_thresholds(what);
  CHECK(r.raw().count() == 30);
  CHECK(r.raw().percentile(50) < r.counts.latency.percentile(50));
  REQUIRE(r.thresholds.size() == 2);
  CHECK(r.thresholds[0].failed);
  CHECK_FALSE(r.thresholds[1].failed);
  CHECK(r.failed());
  std::uint64_t answers = 0, recorded = 0;
  for (const slice& s : r.line->slices()) {
    answers += s.answers;
    for (const auto& [bucket, n] : s.latency) recorded += n;
  }
  CHECK(answers == 30);
  CHECK(recorded == 30);
}

}  // namespace
}  // namespace distsys::roles::loadgen
