// Sizes, deadlines, broken answers, cancellation.
#include "client_fixture.hpp"

#include <sys/resource.h>

using namespace distsys;
using namespace distsys::adapters::curl::test;
using distsys::tests::gzip;
using distsys::tests::gzip_zeros;
using distsys::tests::http_ok;
using distsys::tests::scripted_reply;
using distsys::tests::scripted_server;

namespace {

awaitable<void> send_and_note(std::shared_ptr<ports::http_client> client, outgoing_request r,
                              std::shared_ptr<std::promise<errc>> noted) {
  co_await asio::this_coro::throw_if_cancelled(false);
  const auto context = ports::call_context::within(30s);
  const auto said = co_await client->send(context, std::move(r));
  noted->set_value(said ? errc::internal : said.error().code);
}

awaitable<int> send_on_other_loop(std::shared_ptr<ports::http_client> client, outgoing_request r,
                                  runtime::runtime& loops, std::atomic<int>& good) {
  runtime::task_group group;
  struct one {
    static awaitable<void> go(std::shared_ptr<ports::http_client> c, outgoing_request q, std::atomic<int>& n) {
      const auto context = ports::call_context::within(5s);
      const auto said = co_await c->send(context, std::move(q));
      if (said && said->body == "ok") ++n;
    }
  };
  for (unsigned i = 0; i < 40; ++i) group.spawn(loops.loop(i % loops.size()), one::go(client, r, good));
  co_await group.wait();
  co_return 0;
}

}  // namespace

TEST_CASE_METHOD(fixture, "gzip is decompressed, and a bomb stops at the cap") {
  const std::string bomb = gzip_zeros(64u << 20);
  REQUIRE(bomb.size() < 1u << 20);
  const scripted_server server([&bomb](const std::string& request) {
    return scripted_reply{http_ok(asked_for(request, "/bomb") ? bomb : gzip("hello"), "Content-Encoding: gzip\r\n")};
  });
  const auto fine = send(trusted(server.url("/")));
  REQUIRE(fine);
  CHECK(fine->body == "hello");

  rusage before{}, after{};
  ::getrusage(RUSAGE_SELF, &before);
  auto r = trusted(server.url("/bomb"));
  r.max_body = 1u << 20;
  const auto said = send(r);
  ::getrusage(RUSAGE_SELF, &after);
  REQUIRE_FALSE(said);
  CHECK(said.error().code == errc::too_large);
  CHECK(after.ru_maxrss - before.ru_maxrss < 16 * 1024);
}

TEST_CASE_METHOD(fixture, "bodies and headers over their limits are cut off") {
  const scripted_server server([](const std::string& request) {
    if (asked_for(request, "/exact")) return scripted_reply{http_ok(std::string(1000, 'x'))};
    if (asked_for(request, "/over")) return scripted_reply{http_ok(std::string(1001, 'x'))};
    if (asked_for(request, "/headers")) {
      std::string all = "HTTP/1.1 200 OK\r\n";
      for (int i = 0; i < 1000; ++i) all += "X-" + std::to_string(i) + ": 1\r\n";
      return scripted_reply{all + "\r\n"};
    }
    std::string all = "HTTP/1.1 200 OK\r\n";
    for (int i = 0; i < 20; ++i) all += "X: " + std::string(8000, 'x') + "\r\n";
    return scripted_reply{all + "\r\n"};
  });
  auto r = trusted(server.url("/exact"));
  r.max_body = 1000;
  CHECK(send(r));
  for (const auto* path : {"/over", "/headers", "/long"}) {
    INFO(path);
    r.url = server.url(path);
    const auto said = send(r);
    REQUIRE_FALSE(said);
    CHECK(said.error().code == errc::too_large);
  }
}

TEST_CASE_METHOD(fixture, "a slow answer ends at the deadline") {
  const scripted_server server([](const std::string& request) {
    if (asked_for(request, "/silent")) return scripted_reply{"", false, true};
    return scripted_reply{"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", false, true};
  });
  for (const auto* path : {"/silent", "/half"}) {
    INFO(path);
    const auto begin = std::chrono::steady_clock::now();
    const auto said = send(trusted(server.url(path)), 150ms);
    const auto took = std::chrono::steady_clock::now() - begin;
    REQUIRE_FALSE(said);
    CHECK(said.error().code == errc::timeout);
    CHECK(took >= 150ms);
    CHECK(took < 3s);
  }
}

TEST_CASE_METHOD(fixture, "broken answers say so") {
  const scripted_server server([](const std::string& request) {
    if (asked_for(request, "/truncated")) return scripted_reply{"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"};
    if (asked_for(request, "/chunk")) {
      return scripted_reply{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nhalf"};
    }
    if (asked_for(request, "/gzip")) {
      return scripted_reply{http_ok("this is not gzip", "Content-Encoding: gzip\r\n")};
    }
    if (asked_for(request, "/nothing")) return scripted_reply{""};
    return scripted_reply{"\x16\x03garbage that is no HTTP\r\n\r\n"};
  });
  for (const auto& [path, code] : std::vector<std::pair<std::string, errc>>{{"/truncated", errc::corrupt},
                                                                            {"/chunk", errc::corrupt},
                                                                            {"/gzip", errc::corrupt},
                                                                            {"/garbage", errc::corrupt},
                                                                            {"/nothing", errc::unavailable}}) {
    INFO(path);
    const auto said = send(trusted(server.url(path)));
    REQUIRE_FALSE(said);
    CHECK(said.error().code == code);
  }
}

TEST_CASE_METHOD(fixture, "no server, no certificate that can be trusted") {
  std::uint16_t port = 0;
  {
    const scripted_server gone([](const std::string&) { return scripted_reply{}; });
    port = gone.port();
  }
  const auto refused = send(trusted("http://127.0.0.1:" + std::to_string(port) + "/"));
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == errc::unavailable);

  const scripted_server tls([](const std::string&) { return scripted_reply{http_ok("secret")}; }, true);
  const auto untrusted = send(trusted(tls.url("/")));
  REQUIRE_FALSE(untrusted);
  CHECK(untrusted.error().code == errc::corrupt);
  CHECK(tls.requests().empty());

  const auto unresolved = send(trusted("http://no-such-host.invalid/"));
  REQUIRE_FALSE(unresolved);
  CHECK(unresolved.error().code == errc::unavailable);
}

TEST_CASE_METHOD(fixture, "a cancelled call ends at once, as cancelled") {
  std::promise<void> asked;
  const scripted_server server([&asked](const std::string&) {
    asked.set_value();
    return scripted_reply{"", false, true};
  });
  const auto noted = std::make_shared<std::promise<errc>>();
  auto answer = noted->get_future();
  runtime::task_group group;
  group.spawn(loops.get().loop(0), send_and_note(client, trusted(server.url("/")), noted));
  asked.get_future().wait();
  group.cancel();
  REQUIRE(answer.wait_for(5s) == std::future_status::ready);
  CHECK(answer.get() == errc::cancelled);
  while (group.size() > 0) std::this_thread::yield();
}

TEST_CASE_METHOD(fixture, "many calls at once from every loop") {
  const scripted_server server([](const std::string&) { return scripted_reply{http_ok("ok"), true}; });
  std::atomic<int> good{0};
  loops.run(send_on_other_loop(client, trusted(server.url("/")), loops.get(), good));
  CHECK(good == 40);
  CHECK(server.connections() <= 16);
}
