#include "distsys/net/router.hpp"

#include <catch2/catch.hpp>

using namespace distsys;
using namespace distsys::net;

namespace {

awaitable<http_response> nothing(http_request& /*r*/) { co_return http_response(); }

router table() {
  router r;
  r.get("/", nothing);
  r.get("/events", nothing);
  r.post("/events", nothing);
  r.get("/events/stream", nothing);
  r.get("/events/{source}/{id}", nothing);
  r.add(method::del, "/events/{source}/{id}", nothing);
  r.get("/files/{path*}", nothing);
  return r;
}

std::string pattern(const router& r, method m, std::string_view raw, http_request* keep = nullptr) {
  http_request q;
  q.method = m;
  q.raw_path = q.path = raw;
  const auto found = r.find(q);
  if (keep != nullptr) *keep = q;
  return found.found != nullptr ? found.found->pattern : "allow: " + found.allow;
}

}  // namespace

TEST_CASE("a literal wins over a parameter, a parameter over a rest") {
  const router r = table();
  CHECK(pattern(r, method::get, "/") == "/");
  CHECK(pattern(r, method::get, "/events") == "/events");
  CHECK(pattern(r, method::head, "/events") == "/events");
  CHECK(pattern(r, method::get, "/events/stream") == "/events/stream");
  CHECK(pattern(r, method::get, "/events/stream/7") == "/events/{source}/{id}");  // the way back
  CHECK(pattern(r, method::get, "/files/a/b/c.js") == "/files/{path*}");
  CHECK(pattern(r, method::get, "/nothing") == "allow: ");
  CHECK(pattern(r, method::get, "/events/") == "allow: ");
  CHECK(pattern(r, method::get, "/events/a/b/c") == "allow: ");
  CHECK(pattern(r, method::put, "/events") == "allow: GET, HEAD, POST, OPTIONS");
  CHECK(pattern(r, method::other, "/events/a/b") == "allow: GET, HEAD, DELETE, OPTIONS");
}

TEST_CASE("parameters are decoded segment by segment") {
  const router r = table();
  http_request q;
  pattern(r, method::get, "/events/us%20gs/a%2Fb", &q);
  CHECK(q.path_parameter("source") == "us gs");
  CHECK(q.path_parameter("id") == "a/b");
  CHECK(q.path_parameter("absent").empty());
  pattern(r, method::get, "/files/a/b%20c", &q);
  CHECK(q.path_parameter("path") == "a/b c");
  CHECK(pattern(r, method::get, "/files/..%2f..%2fetc%2fpasswd") == "allow: ");
  CHECK(pattern(r, method::get, "/%65vents") == "/events");
}

TEST_CASE("a bad pattern is refused when it is added") {
  router r;
  for (const char* bad : {"", "events", "/{a}/{a}", "/{a*}/b", "/a{b}", "/{}", "/a b", "/a?b"})
    CHECK_THROWS_AS(r.get(bad, nothing), std::invalid_argument);
  r.get("/a/{b}", nothing);
  CHECK_THROWS_AS(r.get("/a/{c}", nothing), std::invalid_argument);
}
