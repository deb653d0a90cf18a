// The generator against a scripted server: what is counted, and when it ends.
#include "run_plan.hpp"

#include <atomic>
#include <optional>

namespace distsys::roles::loadgen {
namespace {

using namespace std::chrono_literals;

std::uint64_t failures(const report& r, failure_kind k) { return r.counts.failures[static_cast<std::size_t>(k)]; }

TEST_CASE("exactly the requests asked for are sent, over the connections asked for") {
  std::atomic<int> asked{0};
  scripted_server server([&](script_connection& c) {
    while (!c.read_head().empty()) {
      ++asked;
      c.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    }
  });
  const auto r = run(against(server, 1003));
  CHECK(asked == 1003);
  CHECK(r.counts.sent == 1003);
  CHECK(r.counts.answers == 1003);
  CHECK(r.counts.good == 1003);
  CHECK(r.counts.statuses[200] == 1003);
  CHECK(r.counts.latency.count() == 1003);
  CHECK(r.counts.bytes == 1003 * std::string_view("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").size());
  CHECK(r.counts.failed() == 0);
  CHECK(server.connections() == 4);
  CHECK(r.requests_per_second() > 0);
}

TEST_CASE("without keep-alive every request has its connection") {
  scripted_server server([](script_connection& c) {
    if (c.read_head().find("Connection: close\r\n") != std::string::npos)
      c.send("HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
  });
  auto p = against(server, 40);
  p.keep_alive = false;
  make_requests(p);
  const auto r = run(std::move(p));
  CHECK(r.counts.good == 40);
  CHECK(server.connections() == 40);
  CHECK(r.counts.connecting.count() == 40);
}

TEST_CASE("a server that fails in every way is counted so") {
  std::atomic<int> number{0};
  scripted_server server([&](script_connection& c) {
    for (;;) {
      if (c.read_head().empty()) return;
      switch (number++ % 5) {
        case 0:
          c.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n");
          break;
        case 1:
          c.send("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n");
          break;
        case 2:
          c.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\ncut");
          return;
        case 3:
          c.send("what?\r\n");
          return;
        default:
          c.wait_for_close();
          return;
      }
    }
  });
  auto p = against(server, 25, 1);
  p.timeout = 100ms;
  const auto r = run(std::move(p), 1);
  CHECK(r.counts.sent == 25);
  CHECK(r.counts.answers == 10);
  CHECK(r.counts.good == 5);
  CHECK(r.counts.statuses[503] == 5);
  CHECK(failures(r, failure_kind::closed_early) == 5);
  CHECK(failures(r, failure_kind::protocol) == 5);
  CHECK(failures(r, failure_kind::timeout) == 5);
  CHECK(r.counts.failed() == 15);
}

TEST_CASE("a server that is not there is not hammered") {
  std::uint16_t port = 0;
  {
    port = scripted_server([](script_connection&) {}).port();
  }
  plan p;
  REQUIRE(add_url(p, "http://127.0.0.1:" + std::to_string(port) + "/"));
  p.duration = 400ms;
  p.connections = 1;
  p.timeout = 1s;
  make_requests(p);
  const auto r = run(std::move(p), 1);
  CHECK(r.counts.answers == 0);
  CHECK(failures(r, failure_kind::connect) >= 3);
  CHECK(failures(r, failure_kind::connect) <= 9);  // pauses of at least 5, 10, 20, 40, 80, 160, 320 ms
  CHECK(r.counts.first_failure[0].find("127.0.0.1") != std::string::npos);
}

TEST_CASE("an open loop sends what the schedule says, and counts from the intended time") {
  std::atomic<int> asked{0};
  scripted_server server([&](script_connection& c) {
    while (!c.read_head().empty()) {
      ++asked;
      std::this_thread::sleep_for(20ms);
      c.send("HTTP/1.1 204 N\r\n\r\n");
    }
  });
  // One connection can serve 50 a second; 200 a second are due: the 40th waits for most of its 800 ms.
  auto p = against(server, 40, 1);
  open_at(p, "constant:200");
  const auto r = run(std::move(p), 1);
  CHECK(asked == 40);
  CHECK(r.counts.answers == 40);
  CHECK(r.counts.waited >= 30);
  CHECK(r.counts.latency.max() > 500'000);
  CHECK(r.counts.latency.percentile(50) > 200'000);
  CHECK_FALSE(r.warnings(plan{}).empty());
}

TEST_CASE("an open loop that cannot keep up says what it did not send") {
  scripted_server server([&](script_connection& c) {
    while (!c.read_head().empty()) {
      std::this_thread::sleep_for(50ms);
      c.send("HTTP/1.1 204 N\r\n\r\n");
    }
  });
  auto p = against(server, 0, 1);
  p.requests.reset();
  p.duration = 300ms;
  open_at(p, "constant:1000");
  const auto r = run(std::move(p), 1);
  CHECK(r.counts.sent + r.counts.unsent == 300);
  CHECK(r.counts.sent <= 8);
}

TEST_CASE("a threshold of latency fails on a server that stops answering") {
  std::atomic<int> asked{0};
  scripted_server server([&](script_connection& c) {
    while (!c.read_head().empty()) {
      if (++asked > 20) return c.wait_for_close();
      c.send("HTTP/1.1 204 N\r\n\r\n");
    }
  });
  auto p = against(server, 0, 4);
  p.requests.reset();
  p.duration = 400ms;
  p.timeout = 100ms;
  open_at(p, "constant:100");
  p.fail_if = {parse_condition("p99>1s").value()};
  const auto what = p;
  auto r = run(std::move(p), 1);
  r.judge_thresholds(what);
  CHECK(r.counts.answers == 20);
  CHECK(r.counts.answers + r.counts.unanswered() == 40);
  CHECK(r.failed());
  CHECK(as_text(r, what, false).find("20 requests were never answered") != std::string::npos);
}

TEST_CASE("a busy generator is seen although an answer hangs after the end") {
  std::atomic<int> asked{0};
  scripted_server server([&](script_connection& c) {
    while (!c.read_head().empty()) {
      if (++asked == 8) return c.wait_for_close();
      c.send("HTTP/1.1 204 N\r\n\r\n");
    }
  });
  auto p = against(server, 0, 16);
  p.requests.reset();
  p.duration = 400ms;
  const auto r = run(std::move(p), 1);
  CHECK(r.counts.unfinished == 1);  // it hung for the two seconds of grace
  CHECK(r.busy > 0.2);              // over all of the 2.4 s even a loop that never rests would be at 0.17
}

TEST_CASE("a constant rate is kept") {
  scripted_server server([&](script_connection& c) {
    while (!c.read_head().empty()) c.send("HTTP/1.1 204 N\r\n\r\n");
  });
  for (const bool poisson : {false, true}) {
    auto p = against(server, 0, 8);
    p.requests.reset();
    p.duration = 500ms;
    open_at(p, poisson ? "poisson:400" : "constant:400");
    const auto r = run(std::move(p));
    INFO("poisson " << poisson);
    CHECK(r.counts.sent + r.counts.unsent >= (poisson ? 140 : 200));
    CHECK(r.counts.sent + r.counts.unsent <= (poisson ? 260 : 200));
  }
}

TEST_CASE("an answer that is due when the time is over is waited for") {
  scripted_server server([&](script_connection& c) {
    while (!c.read_head().empty()) {
      std::this_thread::sleep_for(150ms);
      c.send("HTTP/1.1 204 N\r\n\r\n");
    }
  });
  auto p = against(server, 0, 1);
  p.requests.reset();
  p.duration = 100ms;
  const auto r = run(std::move(p), 1);
  CHECK(r.counts.answers == 1);
  CHECK(r.counts.after_end == 1);
  CHECK(r.counts.unfinished == 0);
  CHECK(r.seconds == Approx(0.1));
}

TEST_CASE("an interrupted run reports what it did") {
  std::atomic<runner*> running{nullptr};
  scripted_server server([&](script_connection& c) {
    c.read_head();
    c.send("HTTP/1.1 204 N\r\n\r\n");
    c.read_head();  // the second request stays without an answer
    running.load()->interrupt();
    c.wait_for_close();
  });
  runtime::runtime threads(1);
  runner r(threads, against(server, 1000, 1));
  running = &r;
  std::optional<report> out;
  asio::co_spawn(threads.loop(0), carry_out(threads, r, out), [](std::exception_ptr e) {
    if (e) std::rethrow_exception(e);
  });
  threads.run();
  REQUIRE(out);
  CHECK(out->interrupted);
  CHECK(out->counts.answers == 1);
  CHECK(out->counts.unfinished == 1);
  CHECK(out->counts.failed() == 0);
}

TEST_CASE("the events scenario counts hits and misses") {
  std::atomic<int> asked{0}, other{0};
  scripted_server server([&](script_connection& c) {
    for (std::string head = c.read_head(); !head.empty(); head = c.read_head()) {
      if (!head.starts_with("GET /events?lat=")) ++other;
      c.send(++asked % 4 == 0
                 ? "HTTP/1.1 200 OK\r\nCache-Status: distsys; fwd=miss; stored\r\nContent-Length: 0\r\n\r\n"
                 : "HTTP/1.1 200 OK\r\ncache-status: distsys; hit\r\nContent-Length: 0\r\n\r\n");
    }
  });
  auto p = against(server, 200);
  p.areas = area_settings{};
  draw_areas(p);
  make_requests(p);
  const auto what = p;
  const auto r = run(std::move(p));
  CHECK(other == 0);
  CHECK(r.counts.hits == 150);
  CHECK(r.counts.misses == 50);
  CHECK(as_json(r, what).at("cache").at("hit_ratio").as_double() == 0.75);
  CHECK(as_text(r, what, false).find("75.0 % hits") != std::string::npos);
}

TEST_CASE("a report never shows a header's value") {
  scripted_server server([&](script_connection& c) {
    while (!c.read_head().empty()) c.send("HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n");
  });
  auto p = against(server, 5);
  p.headers = {{"Authorization", "Bearer hush"}};
  make_requests(p);
  const auto what = p;
  const auto r = run(std::move(p));
  const auto text = boost::json::serialize(as_json(r, what)) + as_text(r, what, true);
  CHECK(text.find("hush") == std::string::npos);
  CHECK(text.find("Authorization") != std::string::npos);
  CHECK(as_json(r, what).at("succeeded").as_uint64() == 0);
}

}  // namespace
}  // namespace distsys::roles::loadgen
