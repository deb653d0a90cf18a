// Who a client is and what it may do: forwarded addresses, origins, credentials.
#include "server_routes.hpp"

#include <algorithm>

using namespace distsys;
using namespace distsys::net;
using namespace distsys::net::test;
using namespace std::chrono_literals;

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

TEST_CASE("who is not admitted is told so before the body is read") {
  router r = routes();
  r.post("/guarded", &echo, {.max_body = 16u << 20, .admit = bearer_admission({{"s3cret", "ana"}})});
  const server_fixture server(std::move(r));
  const auto post = [](std::string_view credentials, std::size_t length) {
    return "POST /guarded HTTP/1.1\r\nHost: t\r\n" + std::string(credentials) +
           "Content-Length: " + std::to_string(length) + "\r\n\r\n";
  };
  raw_client much(server.port());
  much.send(post("", 16u << 20));  // of the body nothing is sent
  CHECK(much.read_answer().status == 401);
  CHECK(much.read_to_end().empty());
  raw_client little(server.port());  // what is small is read and thrown away: the connection goes on
  little.send(post("Authorization: Bearer wrong\r\n", 5) + "hello");
  CHECK(little.read_answer().status == 401);
  little.send(post("Authorization: Bearer s3cret\r\n", 5) + "hello");
  const auto good = little.read_answer();
  CHECK(good.status == 200);
  CHECK(good.body.find("hello") != std::string::npos);
}
