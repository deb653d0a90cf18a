// The server as a client sees it: order, routes, representations.
#include "server_routes.hpp"

#include <algorithm>

using namespace distsys;
using namespace distsys::net;
using namespace distsys::net::test;
using namespace std::chrono_literals;

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
