// What the server refuses and how long it waits: sizes, numbers, absolute deadlines.
#include "server_routes.hpp"

#include <algorithm>

using namespace distsys;
using namespace distsys::net;
using namespace distsys::net::test;
using namespace std::chrono_literals;

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
