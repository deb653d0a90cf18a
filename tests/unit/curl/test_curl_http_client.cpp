#include "src/adapters/curl/curl_http_client.hpp"

#include "src/adapters/curl/driver.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/loops.hpp"
#include "tests/support/scripted_server.hpp"

#include <sys/resource.h>

#include <chrono>

using namespace std::chrono_literals;
using namespace distsys;
using distsys::ports::incoming_response;
using distsys::ports::outgoing_request;
using distsys::tests::gzip;
using distsys::tests::gzip_zeros;
using distsys::tests::http_ok;
using distsys::tests::scripted_reply;
using distsys::tests::scripted_server;

namespace {

struct fixture {
  tests::running_loops loops{2};
  std::shared_ptr<ports::http_client> client =
      std::make_shared<adapters::curl::curl_http_client>("http", loops.get(), adapters::curl::client_settings{});

  ~fixture() { loops.run(close(client)); }

  static awaitable<int> close(std::shared_ptr<ports::http_client> c) {
    co_await c->close();
    co_return 0;
  }
  static awaitable<result<incoming_response>> send_within(std::shared_ptr<ports::http_client> c, outgoing_request r,
                                                          std::chrono::milliseconds limit) {
    const auto context = ports::call_context::within(limit);
    co_return co_await c->send(context, std::move(r));
  }
  result<incoming_response> send(outgoing_request r, std::chrono::milliseconds limit = 5s) {
    return loops.run(send_within(client, std::move(r), limit));
  }
  static outgoing_request trusted(std::string url) {
    outgoing_request r;
    r.url = std::move(url);
    r.allow_private_addresses = true;
    return r;
  }
};

std::string redirect_to(const std::string& where, int status = 302) {
  return "HTTP/1.1 " + std::to_string(status) + " Elsewhere\r\nLocation: " + where +
         "\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
}

bool asked_for(const std::string& request, const std::string& path) {
  return request.find(" " + path + " ") != std::string::npos;
}

}  // namespace

TEST_CASE_METHOD(fixture, "an answer of any status is a success, with its headers and body") {
  const scripted_server server([](const std::string&) {
    return scripted_reply{"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nX-Two:  spaced \r\nContent-Length: 4\r\n\r\nbusy"};
  });
  const auto said = send(trusted(server.url("/x?y=1")));
  REQUIRE(said);
  CHECK(said->status == 503);
  CHECK(said->body == "busy");
  CHECK(said->header("retry-after") == "7");
  CHECK(said->header("x-two") == "spaced");
  CHECK(said->effective_url == server.url("/x?y=1"));
  REQUIRE(server.requests().size() == 1);
  const auto request = server.requests().front();
  CHECK(request.starts_with("GET /x?y=1 HTTP/1.1\r\n"));
  CHECK(request.find("Accept-Encoding: gzip\r\n") != std::string::npos);
  CHECK(request.find("User-Agent: distsys/") != std::string::npos);
}

TEST_CASE_METHOD(fixture, "methods, headers and bodies arrive as given") {
  const scripted_server server([](const std::string&) { return scripted_reply{http_ok("")}; });
  auto r = trusted(server.url("/"));
  r.method = "PUT";
  r.body = std::string("a\0b", 3);
  r.headers = {{"X-One", "1"}, {"X-Empty", ""}};
  REQUIRE(send(r));
  r.method = "HEAD";
  r.body.clear();
  const auto head = send(r);
  REQUIRE(head);
  CHECK(head->status == 200);
  const auto requests = server.requests();
  REQUIRE(requests.size() == 2);
  CHECK(requests[0].starts_with("PUT / "));
  CHECK(requests[0].find("X-One: 1\r\n") != std::string::npos);
  CHECK(requests[0].find("X-Empty:") != std::string::npos);
  CHECK(requests[0].find("Content-Length: 3\r\n") != std::string::npos);
  CHECK(requests[1].starts_with("HEAD / "));
}

TEST_CASE_METHOD(fixture, "connections are reused") {
  const scripted_server server([](const std::string&) { return scripted_reply{http_ok("ok"), true}; });
  for (int i = 0; i < 5; ++i) REQUIRE(send(trusted(server.url("/"))));
  CHECK(server.connections() == 1);
}

TEST_CASE_METHOD(fixture, "a kept connection to a private address is not used by a request that may not reach it") {
  const scripted_server server([](const std::string&) { return scripted_reply{http_ok("ok"), true}; });
  REQUIRE(send(trusted(server.url("/"))));
  auto r = trusted(server.url("/"));
  r.allow_private_addresses = false;
  const auto said = send(r);
  REQUIRE_FALSE(said);
  CHECK(said.error().code == errc::permission_denied);
  CHECK(server.requests().size() == 1);
}

TEST_CASE_METHOD(fixture, "private addresses are refused, however they are written") {
  const scripted_server server([](const std::string&) { return scripted_reply{http_ok("secret")}; });
  const std::string port = ":" + std::to_string(server.port()) + "/";
  for (const std::string host : {"127.0.0.1", "localhost", "2130706433", "0x7f.1", "0177.0.0.1", "127.1", "[::1]",
                                 "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "0.0.0.0"}) {
    INFO(host);
    outgoing_request r;
    r.url = "http://" + host + port;
    const auto said = send(r);
    REQUIRE_FALSE(said);
    CHECK(said.error().code == errc::permission_denied);
  }
  CHECK(server.connections() == 0);
}

TEST_CASE_METHOD(fixture, "a proxy is not a way around: literal private targets are refused") {
  const scripted_server proxy([](const std::string&) { return scripted_reply{http_ok("through")}; });
  outgoing_request r;
  r.proxy = "http://127.0.0.1:" + std::to_string(proxy.port());
  for (const std::string url : {"http://127.0.0.1/", "http://localhost/", "http://[::1]/", "http://169.254.169.254/"}) {
    INFO(url);
    r.url = url;
    const auto said = send(r);
    REQUIRE_FALSE(said);
    CHECK(said.error().code == errc::permission_denied);
  }
  r.url = "http://example.org/feed";
  const auto said = send(r);
  REQUIRE(said);
  CHECK(said->body == "through");
  CHECK(asked_for(proxy.requests().front(), "http://example.org/feed"));
}

TEST_CASE_METHOD(fixture, "the environment's proxy is not used") {
  ::setenv("http_proxy", "http://127.0.0.1:1", 1);
  const scripted_server server([](const std::string&) { return scripted_reply{http_ok("direct")}; });
  const auto said = send(trusted(server.url("/")));
  ::unsetenv("http_proxy");
  REQUIRE(said);
  CHECK(said->body == "direct");
}

TEST_CASE_METHOD(fixture, "only http and https, no control characters") {
  for (const std::string url : {"file:///etc/passwd", "ftp://example.org/", "gopher://example.org/", "nonsense", "",
                                "http://", "http://exa\r\nmple.org/", "dict://127.0.0.1:11211/"}) {
    INFO(url);
    const auto said = send(trusted(url));
    REQUIRE_FALSE(said);
    CHECK(said.error().code == errc::invalid);
  }
  auto r = trusted("http://127.0.0.1:1/");
  for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{{"X", "a\r\nHost: evil"},
                                                                                    {"X", "a\nb"},
                                                                                    {"X", std::string("a\0b", 3)},
                                                                                    {"X Y", "a"},
                                                                                    {"X\r\n", "a"},
                                                                                    {"", "a"}}) {
    r.headers = {{name, value}};
    const auto said = send(r);
    REQUIRE_FALSE(said);
    CHECK(said.error().code == errc::invalid);
  }
  r.headers.clear();
  r.method = "GET / HTTP/1.1\r\nX:";
  CHECK(send(r).error().code == errc::invalid);
}

TEST_CASE_METHOD(fixture, "redirects are followed, relative ones too, and counted") {
  const scripted_server server([](const std::string& request) {
    if (asked_for(request, "/a")) return scripted_reply{redirect_to("b?x=1")};
    if (asked_for(request, "/b?x=1")) return scripted_reply{redirect_to("/c", 308)};
    if (asked_for(request, "/c")) return scripted_reply{http_ok("end")};
    return scripted_reply{redirect_to("/loop", 301)};
  });
  const auto said = send(trusted(server.url("/a")));
  REQUIRE(said);
  CHECK(said->body == "end");
  CHECK(said->effective_url == server.url("/c"));

  const auto endless = send(trusted(server.url("/loop")));
  REQUIRE_FALSE(endless);
  CHECK(endless.error().code == errc::unavailable);
  CHECK(server.requests().size() == 3 + 6);

  auto post = trusted(server.url("/a"));
  post.method = "POST";
  const auto not_followed = send(post);
  REQUIRE(not_followed);
  CHECK(not_followed->status == 302);
}

TEST_CASE_METHOD(fixture, "a redirect cannot lead to another scheme, nor to a private address") {
  std::string target;
  const scripted_server server([&target](const std::string&) { return scripted_reply{redirect_to(target)}; });
  for (const std::string to : {"file:///etc/passwd", "ftp://example.org/x", "gopher://127.0.0.1:70/", "FILE:///etc"}) {
    INFO(to);
    target = to;
    const auto said = send(trusted(server.url("/")));
    REQUIRE_FALSE(said);
    CHECK(said.error().code == errc::permission_denied);
  }
  // Reached through a proxy (which may be anywhere), redirected to where only the proxy's user may go.
  for (const std::string to : {"http://127.0.0.1:1/", "http://[::ffff:10.0.0.1]/", "http://169.254.169.254/latest"}) {
    INFO(to);
    target = to;
    outgoing_request r;
    r.url = "http://example.org/";
    r.proxy = server.url("");
    const auto said = send(r);
    REQUIRE_FALSE(said);
    CHECK(said.error().code == errc::permission_denied);
  }
}

TEST_CASE_METHOD(fixture, "what may be a secret is not sent to another origin") {
  const scripted_server other([](const std::string&) { return scripted_reply{http_ok("other")}; });
  const scripted_server first([&other](const std::string& request) {
    if (asked_for(request, "/same")) return scripted_reply{redirect_to("/next")};
    if (asked_for(request, "/next")) return scripted_reply{http_ok("same")};
    return scripted_reply{redirect_to(other.url("/there"))};
  });
  auto r = trusted(first.url("/same"));
  r.headers = {{"Authorization", "Bearer s3cret"}, {"X-Api-Key", "s3cret"}, {"Cookie", "s3cret"}, {"Accept", "a/b"}};
  REQUIRE(send(r));
  CHECK(first.requests()[1].find("Bearer s3cret") != std::string::npos);
  r.url = "http://user:s3cret@127.0.0.1:" + std::to_string(first.port()) + "/away";
  const auto said = send(r);
  REQUIRE(said);
  CHECK(said->body == "other");
  REQUIRE(other.requests().size() == 1);
  CHECK(other.requests()[0].find("s3cret") == std::string::npos);
  CHECK(other.requests()[0].find("Authorization") == std::string::npos);
  CHECK(other.requests()[0].find("Accept: a/b") != std::string::npos);
}

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

TEST_CASE("the driver says which parameters it knows") {
  tests::running_loops loops;
  const ports::driver_environment environment{loops.get(), "."};
  const auto open = std::get<ports::open_function<ports::http_client>>(adapters::curl::http_driver.open);
  CHECK(open(url::parse("http:?connections=4&connect_timeout=2s").value(), environment));
  for (const auto* text : {"http://example.org", "http:?proxy=x", "http:?connections=0", "http:?connect_timeout=2"}) {
    INFO(text);
    const auto opened = open(url::parse(text).value(), environment);
    REQUIRE_FALSE(opened);
    CHECK(opened.error().code == errc::invalid);
  }
}
