// Stopping: what was read is answered, nothing is lost to a reset, the port is free; and starting where one runs.
#include "server_fixture.hpp"

#include <sys/resource.h>

#include <catch2/catch.hpp>

#include <atomic>
#include <set>

using namespace distsys;
using namespace distsys::net;
using namespace distsys::net::test;
using namespace std::chrono_literals;

namespace {

struct count {
  std::atomic<int> handled{0};
};

awaitable<http_response> work(std::shared_ptr<count> c) {
  co_await runtime::sleep_for(1ms);
  ++c->handled;
  co_return http_response::text(std::string(500, 'x'));
}

router routes(std::shared_ptr<count> c) {
  router r;
  r.get("/work", [c](http_request& /*r*/) { return work(c); });
  return r;
}

/// Asks until the server says that it closes. Returns what went wrong: a request sent and not answered.
std::string hammer(std::uint16_t port, std::atomic<int>& answered) {
  for (;;) {
    std::unique_ptr<raw_client> c;
    try {
      c = std::make_unique<raw_client>(port);
    } catch (const std::exception&) {
      return {};  // no longer listening: this is how it should end
    }
    try {
      for (bool open = true; open;) {
        if (!c->send(get("/work"))) return "a write failed";
        const auto a = c->read_answer();
        if (a.status != 200 || a.body.size() != 500) return "a wrong answer";
        ++answered;
        open = a.header("Connection") != "close";
      }
    } catch (const std::exception& e) {
      return e.what();
    }
  }
}

}  // namespace

TEST_CASE("draining under load answers every request that was read") {
  for (int round = 0; round < 5; ++round) {
    const auto c = std::make_shared<count>();
    server_fixture server(routes(c), {}, 2);
    std::atomic<int> answered{0};
    std::vector<std::future<std::string>> clients;
    for (int i = 0; i < 16; ++i)
      clients.push_back(std::async(std::launch::async, [&] { return hammer(server.port(), answered); }));
    while (answered < 200) std::this_thread::yield();
    CHECK(server.drain(10s).get());
    for (auto& client : clients) {
      const std::string wrong = client.get();
      // A connection that the kernel finished and no one accepted dies with the listening socket, unread.
      if (wrong.find("seen: ") != std::string::npos) CHECK(wrong.substr(wrong.find("seen: ") + 6).empty());
      if (wrong.find("seen: ") == std::string::npos) CHECK(wrong.empty());
    }
    CHECK(c->handled == answered);  // whatever was handled was also received
  }
}

TEST_CASE("what the kernel holds when draining begins is answered, pipelined or fresh") {
  const auto c = std::make_shared<count>();
  server_fixture server(routes(c));
  raw_client busy(server.port());
  std::string many;
  for (int i = 0; i < 50; ++i) many += get("/work");
  busy.send(many);
  raw_client fresh(server.port());
  fresh.send(get("/work"));
  auto drained = server.drain(10s);
  for (int i = 0; i < 50; ++i) CHECK(busy.read_answer().status == 200);
  CHECK(fresh.read_answer().header("Connection") == "close");
  busy.close();
  fresh.close();
  CHECK(drained.get());
  CHECK_THROWS(raw_client(server.port()));
}

TEST_CASE("a second server on the port is refused, and the port is free after the first") {
  runtime::runtime other(1);
  const auto c = std::make_shared<count>();
  std::uint16_t port = 0;
  {
    server_fixture first(routes(c));
    port = first.port();
    http_server_options o;
    o.port = port;
    try {
      server_fixture second(routes(c), o);
      FAIL("two servers on one port");
    } catch (const failure& f) {
      CHECK(f.reason().code == errc::already_exists);
      CHECK(f.reason().detail.find("127.0.0.1:" + std::to_string(port)) != std::string::npos);
    }
  }
  http_server_options o;
  o.port = port;
  CHECK_NOTHROW(server_fixture(routes(c), o));
  o.host = "nowhere.invalid";
  CHECK_THROWS_AS(server_fixture(routes(c), o), failure);
}

TEST_CASE("without SO_REUSEPORT one loop accepts for all") {
  const auto c = std::make_shared<count>();
  http_server_options o;
  o.reuse_port = false;
  const server_fixture server(routes(c), o, 2);
  for (int i = 0; i < 8; ++i) {
    raw_client client(server.port());
    client.send(get("/work"));
    CHECK(client.read_answer().status == 200);
  }
}

// UBSan opens a pipe to find out whether memory is readable, and reports what it cannot find out.
#if defined(__has_feature)
#if __has_feature(undefined_behavior_sanitizer)
#define DISTSYS_NEEDS_DESCRIPTORS
#endif
#endif
#ifndef DISTSYS_NEEDS_DESCRIPTORS
TEST_CASE("out of descriptors: no busy loop, and service after") {
  const auto c = std::make_shared<count>();
  server_fixture server(routes(c));
  raw_client before(server.port());
  before.send(get("/work"));
  CHECK(before.read_answer().status == 200);
  rlimit old{};
  REQUIRE(::getrlimit(RLIMIT_NOFILE, &old) == 0);
  const int next = ::dup(0);
  ::close(next);
  {
    raw_client waiting(server.port());  // one descriptor for it here, none for the server's end
    rlimit low = old;
    low.rlim_cur = static_cast<rlim_t>(next) + 1;
    raw_client also(server.port());
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &low) == 0);
    rusage began{}, now{};
    ::getrusage(RUSAGE_SELF, &began);
    std::this_thread::sleep_for(300ms);  // what is measured is time
    ::getrusage(RUSAGE_SELF, &now);
    const auto used = (now.ru_utime.tv_sec - began.ru_utime.tv_sec) * 1000000 + now.ru_utime.tv_usec -
                      began.ru_utime.tv_usec + (now.ru_stime.tv_sec - began.ru_stime.tv_sec) * 1000000 +
                      now.ru_stime.tv_usec - began.ru_stime.tv_usec;
    CHECK(used < 100000);
    before.send(get("/work"));
    CHECK(before.read_answer().status == 200);
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &old) == 0);
    also.send(get("/work"));
    CHECK(also.read_answer().status == 200);
    waiting.send(get("/work"));
    CHECK(waiting.read_answer().status == 200);
  }
}
#endif
