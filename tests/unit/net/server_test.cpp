// The server as a client sees it: order, limits, deadlines, representations, streams.
#include "distsys/foundation/metrics.hpp"
#include "distsys/runtime/clock.hpp"
#include "server_fixture.hpp"

#include <zlib.h>

#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>

using namespace distsys;
using namespace distsys::net;
using namespace distsys::net::test;
using namespace std::chrono_literals;

namespace {

awaitable<http_response> echo(http_request& r) { co_return http_response::text(std::string(r.body)); }
awaitable<http_response> target(http_request& r) { co_return http_response::text(std::string(r.query)); }
awaitable<http_response> broken(http_request& /*r*/) {
  throw std::runtime_error("a bug");
  co_return http_response();
}
awaitable<http_response> tagged(http_request& /*r*/) {
  co_return http_response::text(std::string(5000, 'x')).header("ETag", "\"v1\"");
}
awaitable<http_response> injected(http_request& /*r*/) {
  co_return http_response::text("x").header("X-Note", "a\r\nSet-Cookie: b");
}
awaitable<http_response> who(http_request& r) {
  co_return http_response::text(r.client.to_string() + (r.secure ? " secure " : " plain ") + std::string(r.user) + " " +
                                std::string(r.request_id) + " " + std::string(r.traceparent));
}
const std::string large(3u << 20, 'y');
awaitable<http_response> big(http_request& /*r*/) {
  co_return http_response::shared({nullptr, large}, "application/octet-stream");
}

/// Holds requests until the test lets them go.
struct gate {
  std::atomic<int> waiting{0};
  std::atomic<bool> open{false};
};
awaitable<http_response> wait_at(std::shared_ptr<gate> g) {
  ++g->waiting;
  while (!g->open) co_await runtime::sleep_for(2ms);
  co_return http_response::text("through");
}
handler at(std::shared_ptr<gate> g) {
  return [g](http_request& /*r*/) { return wait_at(g); };
}

struct stream_log {
  std::atomic<int> ended{0};
  std::atomic<int> last{0};  // errc of the write that failed
  std::atomic<bool> flood{false};
};
awaitable<void> produce(std::shared_ptr<stream_log> log, body_stream& to) {
  const std::string block(64u << 10, 'z');
  for (int i = 0;; ++i) {
    const auto written = co_await to.write(log->flood ? block : "data: " + std::to_string(i) + "\n\n");
    if (!written) {
      log->last = static_cast<int>(written.error().code);
      break;
    }
    if (!log->flood && !co_await runtime::sleep_for(i == 0 ? 1ms : 10s)) break;
  }
  ++log->ended;
}
awaitable<http_response> stream(std::shared_ptr<stream_log> log) {
  co_return http_response::event_stream([log](body_stream& to) { return produce(log, to); });
}
handler streaming(std::shared_ptr<stream_log> log) {
  return [log](http_request& /*r*/) { return stream(log); };
}

constexpr asset files[] = {
    {"index.html", "<!doctype html><title>x</title>"},
    {"app.js",
     "// long enough to be worth it "
     "....................................................................................................."
     "....................................................................................................."
     "....................................................................................................."
     "....................................................................................................."
     "....................................................................................................."
     "....................................................................................................."
     "....................................................................................................."
     "....................................................................................................."
     "....................................................................................................."
     "....................................................................................................."
     "\nlet x = 1;"}};

router routes() {
  router r;
  r.post("/echo", echo);
  r.post("/small", echo, {.max_body = 10});
  r.get("/target", target);
  r.get("/broken", broken);
  r.get("/tagged", tagged);
  r.get("/injected", injected);
  r.get("/who", who);
  r.get("/big", big);
  r.assets("/static", files);
  return r;
}

void eventually(const std::function<bool()>& holds) {
  const auto until = std::chrono::steady_clock::now() + 10s;
  while (!holds()) {
    if (std::chrono::steady_clock::now() > until) throw std::runtime_error("it did not come to hold");
    std::this_thread::sleep_for(2ms);
  }
}

std::string gunzip(const std::string& bytes) {
  z_stream z{};
  REQUIRE(inflateInit2(&z, 15 + 16) == Z_OK);
  std::string out(1u << 20, '\0');
  z.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  z.avail_in = static_cast<uInt>(bytes.size());
  z.next_out = reinterpret_cast<Bytef*>(out.data());
  z.avail_out = static_cast<uInt>(out.size());
  REQUIRE(inflate(&z, Z_FINISH) == Z_STREAM_END);
  out.resize(z.total_out);
  inflateEnd(&z);
  return out;
}

http_server_options quick() {
  http_server_options o;
  o.limits.header_deadline = o.limits.body_deadline = o.limits.write_deadline = 200ms;
  return o;
}

}  // namespace

TEST_CASE("pipelined requests are answered in order, bodies and all") {
  const server_fixture server(routes());
  raw_client c(server.port());
  std::string all;
  for (int i = 0; i < 200; ++i)
    all += i % 3 == 0   ? get("/target?" + std::to_string(i))
           : i % 3 == 1 ? post("/echo", std::to_string(i))
                        : "POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n#\r\n0\r\n\r\n";
  c.send(all);
  for (int i = 0; i < 200; ++i) {
    const auto a = c.read_answer();
    REQUIRE(a.status == 200);
    REQUIRE(a.body == (i % 3 == 2 ? "#" : std::to_string(i)));
  }
}

TEST_CASE("a request that arrives byte by byte is the same request") {
  const server_fixture server(routes());
  raw_client c(server.port());
  for (const char b :
       post("/echo", "slowly") +
           "POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n4;x\r\nmore\r\n0\r\nA: b\r\n\r\n")
    c.send({&b, 1});
  CHECK(c.read_answer().body == "slowly");
  CHECK(c.read_answer().body == "more");
}

TEST_CASE("HEAD, OPTIONS, unknown routes and wrong verbs") {
  const server_fixture server(routes());
  raw_client c(server.port());
  c.send("HEAD /tagged HTTP/1.1\r\nHost: t\r\n\r\n");
  const auto head = c.read_answer(true);
  CHECK(head.status == 200);
  CHECK(head.header("Content-Length") == "5000");
  c.send(get("/nothing"));
  CHECK(c.read_answer().status == 404);
  c.send("DELETE /echo HTTP/1.1\r\nHost: t\r\n\r\n");
  const auto wrong = c.read_answer();
  CHECK(wrong.status == 405);
  CHECK(wrong.header("Allow") == "POST, OPTIONS");
  c.send(
      "OPTIONS /tagged HTTP/1.1\r\nHost: t\r\n\r\nOPTIONS * HTTP/1.1\r\nHost: t\r\n\r\nBREW /tagged HTTP/1.1\r\nHost: "
      "t\r\n\r\n");
  CHECK(c.read_answer().header("Allow") == "GET, HEAD, OPTIONS");
  CHECK(c.read_answer().status == 204);
  CHECK(c.read_answer().status == 405);
}

TEST_CASE("HTTP/1.0 and Connection decide whether the connection stays") {
  const server_fixture server(routes());
  for (const char* request :
       {"GET /target?x HTTP/1.0\r\n\r\n", "GET /target?x HTTP/1.1\r\nHost: t\r\nConnection: close\r\n\r\n"}) {
    raw_client c(server.port());
    c.send(request);
    const auto a = c.read_answer();
    CHECK(a.status == 200);
    CHECK(a.header("Connection") == "close");
    CHECK(c.read_to_end().empty());
  }
  raw_client c(server.port());
  for (int i = 0; i < 3; ++i) {
    c.send("GET /target?x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    CHECK(c.read_answer().header("Connection") == "keep-alive");
  }
}

TEST_CASE("conditional requests and compressed answers") {
  const server_fixture server(routes());
  raw_client c(server.port());
  for (const char* tag : {"\"v1\"", "W/\"v1\"", "\"v0\", \"v1\"", "*"}) {
    c.send(get("/tagged", "If-None-Match: " + std::string(tag) + "\r\n"));
    const auto a = c.read_answer();
    CHECK(a.status == 304);
    CHECK(a.header("ETag") == "\"v1\"");
    CHECK(a.header("Content-Length").empty());
  }
  c.send(get("/tagged", "If-None-Match: \"v2\"\r\nAccept-Encoding: br, gzip;q=0.5\r\n"));
  const auto packed = c.read_answer();
  CHECK(packed.status == 200);
  CHECK(packed.header("Content-Encoding") == "gzip");
  CHECK(packed.header("ETag") == "W/\"v1\"");
  CHECK(packed.header("Vary") == "Accept-Encoding");
  CHECK(gunzip(packed.body) == std::string(5000, 'x'));
  for (const char* no : {"Accept-Encoding: gzip;q=0\r\n", "Accept-Encoding: identity\r\n", ""}) {
    c.send(get("/tagged", no));
    const auto a = c.read_answer();
    CHECK(a.header("Content-Encoding").empty());
    CHECK(a.body.size() == 5000);
  }
}

TEST_CASE("assets carry tags, types and a compressed variant") {
  const server_fixture server(routes());
  raw_client c(server.port());
  c.send(get("/static/"));
  const auto page = c.read_answer();
  CHECK(page.body == files[0].bytes);
  CHECK(page.header("Content-Type") == "text/html; charset=utf-8");
  c.send(get("/static/app.js", "Accept-Encoding: gzip\r\n"));
  const auto script = c.read_answer();
  CHECK(script.header("Content-Encoding") == "gzip");
  CHECK(gunzip(script.body) == files[1].bytes);
  c.send(get("/static/app.js", "If-None-Match: " + script.header("ETag") + "\r\n"));
  CHECK(c.read_answer().status == 304);
  c.send(get("/static/../static/%2e%2e/static/app.js") + get("/static/..%2f..%2fetc/passwd"));
  CHECK(c.read_answer().status == 200);
  CHECK(c.read_answer().status == 404);
}

TEST_CASE("over a limit: 413, 414, 431, 417, and the client gets to read it") {
  const server_fixture server(routes());
  const auto status = [&](const std::string& request) {
    raw_client c(server.port());
    c.send(request);
    const auto a = c.read_answer();
    CHECK(a.header("Content-Type") == "application/problem+json");
    CHECK(c.read_to_end().empty());
    return a.status;
  };
  CHECK(status(post("/small", std::string(11, 'x'))) == 413);
  CHECK(status(post("/echo", std::string(4u << 20, 'x'))) == 413);  // still sending when the answer comes
  CHECK(status("POST /small HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n") == 413);
  CHECK(status(get("/" + std::string(9000, 'a'))) == 414);
  CHECK(status("GET /" + std::string(70000, 'a')) == 414);
  CHECK(status(get("/target", "X: " + std::string(17000, 'a') + "\r\n")) == 431);
  std::string many;
  for (int i = 0; i < 200; ++i) many += "X: y\r\n";
  CHECK(status(get("/target", many)) == 431);
  CHECK(status(get("/target", "Expect: miracles\r\n")) == 417);
  raw_client c(server.port());
  c.send(post("/echo", std::string(1u << 20, 'x')));
  CHECK(c.read_answer().body.size() == 1u << 20);
}

TEST_CASE("100-continue is sent when the body is wanted, and only then") {
  const server_fixture server(routes());
  raw_client c(server.port());
  c.send("POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n");
  CHECK(c.read_answer().status == 100);
  c.send("abc");
  CHECK(c.read_answer().body == "abc");
  c.send("POST /small HTTP/1.1\r\nHost: t\r\nContent-Length: 30\r\nExpect: 100-continue\r\n\r\n");
  CHECK(c.read_answer().status == 413);
}

TEST_CASE("deadlines are absolute: dripping bytes does not move them") {
  const server_fixture server(routes(), quick());
  for (const char* begin :
       {"GET /target HTTP/1.1\r\nHost: t\r\nX: ", "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 999\r\n\r\n",
        "POST /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n1"}) {
    raw_client c(server.port());
    const auto began = std::chrono::steady_clock::now();
    c.send(begin);
    std::thread drip([fd = c.fd()] {
      while (::send(fd, "0", 1, MSG_NOSIGNAL) == 1) std::this_thread::sleep_for(10ms);
    });
    const std::string answer = c.read_to_end();
    CHECK(answer.substr(0, 12) == "HTTP/1.1 408");
    CHECK(std::chrono::steady_clock::now() - began < 5s);
    c.end_of_sending();
    drip.join();
  }
  raw_client silent(server.port());  // nothing begun: nothing to answer; cut by the idle timeout
  http_server_options o = quick();
  o.limits.idle_timeout = 100ms;
  const server_fixture impatient(routes(), o);
  raw_client idle(impatient.port());
  CHECK(idle.read_to_end().empty());
}

TEST_CASE("a client that does not read is dropped and others are served") {
  server_fixture server(routes(), quick());
  raw_client stuck(server.port(), 4096);
  stuck.send(get("/big"));
  raw_client c(server.port());
  c.send(get("/big"));
  CHECK(c.read_answer().body == large);
  c.close();
  eventually([&] { return server.server().connections() == 0; });
}

TEST_CASE("a client that reads by drops is dropped too") {
  server_fixture server(routes(), quick());
  raw_client slow(server.port(), 4096);
  slow.send(get("/big"));
  eventually([&] { return server.server().connections() == 1; });
  eventually([&] {
    slow.drip(16);
    return server.server().connections() == 0;
  });
  CHECK(server.server().connections() == 0);
}

TEST_CASE("too many requests, bytes, connections, and requests of one address") {
  const auto g = std::make_shared<gate>();
  router r = routes();
  r.get("/gate", at(g));
  http_server_options o;
  o.limits.max_in_flight = 2;
  o.limits.max_connections = 3;
  o.limits.max_in_flight_bytes = 1000;
  const server_fixture server(std::move(r), o);
  raw_client a(server.port()), b(server.port()), c(server.port());
  a.send(get("/gate"));
  eventually([&] { return g->waiting == 1; });
  c.send(post("/echo", std::string(2000, 'x')));
  const auto bytes = c.read_answer();
  CHECK(bytes.status == 503);
  CHECK(bytes.header("Retry-After") == "1");
  c.close();
  b.send(get("/gate"));
  eventually([&] { return g->waiting == 2; });
  raw_client d(server.port());
  d.send(get("/target"));
  CHECK(d.read_answer().status == 503);
  g->open = true;
  CHECK(a.read_answer().body == "through");
  CHECK(b.read_answer().body == "through");
  raw_client over(server.port());  // a, b and d are open
  CHECK(over.read_answer().status == 503);
  CHECK(over.read_to_end().empty());
  http_server_options slow;
  slow.rate_limit = 0.001;
  slow.rate_burst = 2;
  slow.trusted_proxies = {"127.0.0.0/8"};
  const server_fixture limited(routes(), slow);
  raw_client e(limited.port());
  const auto ask = [&](const std::string& from) {
    e.send(get("/target", "X-Forwarded-For: " + from + "\r\n"));
    return e.read_answer().status;
  };
  CHECK(ask("2001:db8::1") == 200);
  CHECK(ask("2001:db8::2") == 200);
  CHECK(ask("2001:db8::3") == 429);  // one /64 is one client
  CHECK(ask("2001:db8:0:1::1") == 200);
  CHECK(ask("192.0.2.1") == 200);
}

TEST_CASE("forwarded addresses count from trusted proxies only; ids and traces continue") {
  http_server_options o;
  o.trusted_proxies = {"127.0.0.1", "10.0.0.0/8"};
  const server_fixture trusting(routes(), o);
  const server_fixture wary(routes());
  const std::string headers = "X-Forwarded-For: 6.6.6.6, 192.0.2.7, 10.1.2.3\r\nX-Forwarded-Proto: https\r\n";
  raw_client a(trusting.port());
  a.send(get("/who", headers));
  CHECK(a.read_answer().body.substr(0, 16) == "192.0.2.7 secure");
  a.send(get("/who", "X-Forwarded-For: nonsense\r\n"));
  CHECK(a.read_answer().body.substr(0, 15) == "127.0.0.1 plain");
  raw_client b(wary.port());
  b.send(
      get("/who",
          headers + "X-Request-Id: abc-1\r\ntraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n"));
  const auto traced = b.read_answer();
  CHECK(traced.body.substr(0, 15) == "127.0.0.1 plain");
  CHECK(traced.header("X-Request-Id") == "abc-1");
  CHECK(traced.body.find(" abc-1 00-0af7651916cd43dd8448eb211c80319c-") != std::string::npos);
  CHECK(traced.body.find("b7ad6b7169203331") == std::string::npos);  // a span of its own
  b.send(get("/who", "X-Request-Id: a b\r\ntraceparent: 00-00000000000000000000000000000000-b7ad6b7169203331-01\r\n"));
  CHECK(b.read_answer().body.find("00-00000000") == std::string::npos);
}

TEST_CASE("a handler's exception is a 500 with an id, and the server goes on") {
  const server_fixture server(routes());
  raw_client c(server.port());
  c.send(get("/broken") + get("/injected"));
  const auto a = c.read_answer();
  CHECK(a.status == 500);
  CHECK_FALSE(a.header("X-Request-Id").empty());
  CHECK(a.body.find("a bug") == std::string::npos);
  const auto b = c.read_answer();
  CHECK(b.status == 200);
  CHECK(b.header("Set-Cookie").empty());  // a line break in a value is not a line
}

TEST_CASE("CORS by option: origins, preflight, Vary") {
  http_server_options o;
  o.cors_origins = {"https://map.example"};
  const server_fixture server(routes(), o);
  raw_client c(server.port());
  c.send(get("/target", "Origin: https://map.example\r\n"));
  const auto good = c.read_answer();
  CHECK(good.header("Access-Control-Allow-Origin") == "https://map.example");
  CHECK(good.header("Vary").find("Origin") != std::string::npos);
  c.send(get("/target", "Origin: https://evil.example\r\n"));
  CHECK(c.read_answer().header("Access-Control-Allow-Origin").empty());
  c.send(
      "OPTIONS /echo HTTP/1.1\r\nHost: t\r\nOrigin: https://map.example\r\nAccess-Control-Request-Method: POST\r\n"
      "Access-Control-Request-Headers: content-type\r\n\r\n");
  const auto preflight = c.read_answer();
  CHECK(preflight.status == 204);
  CHECK(preflight.header("Access-Control-Allow-Methods") == "POST, OPTIONS");
  CHECK(preflight.header("Access-Control-Allow-Headers") == "content-type");
}

TEST_CASE("bearer tokens and basic credentials") {
  http_server_options o;
  o.middlewares = {require_bearer({{"s3cret", "ana"}, {"other", "bo"}})};
  const server_fixture bearer(routes(), o);
  raw_client c(bearer.port());
  for (const char* bad : {"", "Authorization: Bearer wrong\r\n", "Authorization: Bearer\r\n",
                          "Authorization: Bearer \r\n", "Authorization: Basic s3cret\r\n"}) {
    c.send(get("/who", bad));
    const auto a = c.read_answer();
    CHECK(a.status == 401);
    CHECK(a.header("WWW-Authenticate") == "Bearer");
  }
  c.send(get("/who", "Authorization: bearer s3cret\r\n"));
  CHECK(c.read_answer().body.find(" ana ") != std::string::npos);
  http_server_options b;
  b.middlewares = {
      require_basic("house", [](std::string_view u, std::string_view p) { return u == "user" && p == "p:w"; })};
  const server_fixture basic(routes(), b);
  raw_client d(basic.port());
  d.send(get("/who", "Authorization: Basic dXNlcjpwOnc=\r\n"));
  CHECK(d.read_answer().body.find(" user ") != std::string::npos);
  for (const char* bad : {"dXNlcjpwOng=", "!!!!", "dXNlcg==", "dXNlcjpwOnc"}) {
    d.send(get("/who", "Authorization: Basic " + std::string(bad) + "\r\n"));
    CHECK(d.read_answer().status == 401);
  }
}

TEST_CASE("a stream reaches its client event by event and ends with it") {
  const auto log = std::make_shared<stream_log>();
  router r = routes();
  r.get("/stream", streaming(log));
  server_fixture server(std::move(r));
  {
    raw_client c(server.port());
    c.send(get("/stream"));
    const std::string head = c.read_head();
    CHECK(head.find("Content-Type: text/event-stream\r\n") != std::string::npos);
    CHECK(c.read_chunk() == "data: 0\n\n");
    CHECK(c.read_chunk() == "data: 1\n\n");
    CHECK(log->ended == 0);
  }
  eventually([&] { return log->ended == 1; });  // the client went away; nothing was written to notice it by
  raw_client head(server.port());
  head.send("HEAD /stream HTTP/1.1\r\nHost: t\r\n\r\n" + get("/target?x"));
  CHECK(head.read_answer(true).status == 200);
  CHECK(head.read_answer().body == "x");
}

TEST_CASE("a stream's slow reader is dropped after the write deadline") {
  const auto log = std::make_shared<stream_log>();
  log->flood = true;
  router r;
  r.get("/stream", streaming(log));
  server_fixture server(std::move(r), quick());
  raw_client c(server.port(), 4096);
  c.send(get("/stream"));
  eventually([&] { return log->ended == 1; });
  CHECK(log->last == static_cast<int>(errc::timeout));
}

TEST_CASE("drain ends streams whole and closes idle connections") {
  const auto log = std::make_shared<stream_log>();
  router r = routes();
  r.get("/stream", streaming(log));
  server_fixture server(std::move(r));
  raw_client c(server.port()), idle(server.port());
  c.send(get("/stream"));
  c.read_head();
  c.read_chunk();
  c.read_chunk();
  auto drained = server.drain(5s);
  CHECK(c.read_chunk().empty());  // the last chunk: the body is complete
  CHECK(c.read_to_end().empty());
  CHECK(idle.read_to_end().empty());
  c.close();
  idle.close();
  CHECK(drained.get());
  CHECK(log->ended == 1);
}
