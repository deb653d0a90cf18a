// Requests and answers, connections, the driver.
#include "client_fixture.hpp"

#include "src/adapters/curl/driver.hpp"

using namespace distsys;
using namespace distsys::adapters::curl::test;
using distsys::tests::gzip;
using distsys::tests::http_ok;
using distsys::tests::scripted_reply;
using distsys::tests::scripted_server;

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
