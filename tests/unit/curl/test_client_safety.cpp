// Where a request may go, and what it takes along: addresses, schemes, redirects, secrets.
#include "client_fixture.hpp"

using namespace distsys;
using namespace distsys::adapters::curl::test;
using distsys::tests::http_ok;
using distsys::tests::scripted_reply;
using distsys::tests::scripted_server;

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
