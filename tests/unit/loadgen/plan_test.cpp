#include "roles/loadgen/plan.hpp"

#include "distsys/domain/geo/geometry.hpp"
#include "roles/loadgen/tally.hpp"
#include "tests/support/catch.hpp"

#include <charconv>
#include <cmath>
#include <set>

namespace distsys::roles::loadgen {
namespace {

using namespace std::chrono_literals;

plan plan_of(std::initializer_list<const char*> urls) {
  plan p;
  for (const char* u : urls) REQUIRE(add_url(p, u));
  make_requests(p);
  return p;
}

TEST_CASE("a request says what was asked for") {
  auto p = plan_of({"http://localhost:8080/a%20b?q=1&r#fragment"});
  REQUIRE(p.origins.size() == 1);
  const std::string& r = p.origins[0].requests.at(0);
  CHECK(r.starts_with("GET /a%20b?q=1&r HTTP/1.1\r\nHost: localhost:8080\r\nUser-Agent: distsys-loadgen/"));
  CHECK(r.ends_with("\r\n\r\n"));
  CHECK(r.find("Content-Length") == std::string::npos);

  p.method = "POST";
  p.body = "{}";
  p.keep_alive = false;
  p.headers = {{"host", "other"}, {"X-Key", "secret"}};
  make_requests(p);
  const std::string& s = p.origins[0].requests.at(0);
  CHECK(s.find("Host: localhost") == std::string::npos);
  CHECK(s.find("host: other\r\nX-Key: secret\r\n") != std::string::npos);
  CHECK(s.find("Connection: close\r\n") != std::string::npos);
  CHECK(s.ends_with("Content-Length: 2\r\n\r\n{}"));
}

TEST_CASE("URLs of one server share its connections") {
  const auto p = plan_of({"http://a/1", "https://a/2", "http://A:80/3", "http://[::1]:81", "http://a/ü x"});
  REQUIRE(p.origins.size() == 3);
  CHECK(p.origins[0].targets == std::vector<std::string>{"/1", "/3", "/%C3%BC%20x"});
  CHECK(p.origins[1].tls);
  CHECK(p.origins[1].port == 443);
  CHECK(p.origins[1].authority == "a");
  CHECK(p.origins[2].host == "::1");
  CHECK(p.origins[2].authority == "[::1]:81");
  CHECK(p.origins[2].targets == std::vector<std::string>{"/"});
}

TEST_CASE("what cannot be asked is refused") {
  plan p;
  for (const char* bad : {"ftp://a/", "http:///x", "a/b", "", "http://u:p@a/", "http://a%0d%0aX:1/"}) {
    INFO(bad);
    const auto r = add_url(p, bad);
    REQUIRE(r.has_error());
    CHECK(r.error() == errc::invalid);
  }
  CHECK(add_url(p, "http://u:hidden@a/").error().detail.find("hidden") == std::string::npos);
  for (const char* bad :
       {"no colon", ": x", "a b: x", "X: a\r\nY: b", "Content-Length: 5", "transfer-encoding: chunked"}) {
    INFO(bad);
    CHECK(parse_header(bad).has_error());
  }
  CHECK(parse_header("Authorization:  Bearer x:y ").value() ==
        std::pair<std::string, std::string>{"Authorization", "Bearer x:y"});
}

double number_behind(const std::string& text, std::string_view key) {
  const std::size_t at = text.find(key);
  REQUIRE(at != std::string::npos);
  double v = 0;
  std::from_chars(text.data() + at + key.size(), text.data() + text.size(), v);
  return v;
}

TEST_CASE("{key} in a URL and in a body is filled in, and the length follows") {
  plan p;
  p.method = "PUT";
  p.body = R"({"id":{key},"again":"{key}"})";
  p.keyed = true;
  REQUIRE(add_url(p, "http://a/items/{key}?k={key}"));
  make_requests(p);
  REQUIRE(p.origins[0].templates.size() == 1);
  std::string out;
  p.origins[0].templates[0].fill("42", out);
  CHECK(out.starts_with("PUT /items/42?k=42 HTTP/1.1\r\nHost: a\r\n"));
  CHECK(out.ends_with("Content-Length: 22\r\n\r\n{\"id\":42,\"again\":\"42\"}"));
  p.keyed = false;
  make_requests(p);
  CHECK(p.origins[0].requests.at(0).starts_with("PUT /items/{key}?k={key} "));
}

TEST_CASE("areas lie around the centre, the same for the same seed") {
  auto p = plan_of({"http://a/base/"}), q = plan_of({"http://a/base/"});
  p.areas = q.areas =
      area_settings{.count = 500, .radius_km = 1.5, .center_lat = -33.45, .center_lon = 179.99, .spread_km = 20};
  p.seed = q.seed = 7;
  draw_areas(p);
  draw_areas(q);
  CHECK(p.origins[0].targets == q.origins[0].targets);
  q.seed = 8;
  draw_areas(q);
  CHECK(p.origins[0].targets != q.origins[0].targets);
  REQUIRE(p.origins[0].targets.size() == 500);
  std::set<std::string> different;
  for (const auto& t : p.origins[0].targets) {
    CHECK(t.starts_with("/base/events?lat="));
    CHECK(t.ends_with("&radius=1.5"));
    const domain::geo::position at{number_behind(t, "lon="), number_behind(t, "lat=")};
    CHECK(domain::geo::valid(at));
    CHECK(domain::geo::distance_m(at, {179.99, -33.45}) < 20'100);
    different.insert(t);
  }
  CHECK(different.size() == 500);
}

TEST_CASE("Cache-Status tells hits from misses") {
  tally t;
  for (const char* hit : {"distsys; hit", "distsys;hit; ttl=3", "edge; fwd=miss, origin; hit", "a; key=\"x\" ; hit=?1"})
    t.cache_status(hit);
  CHECK(t.hits == 4);
  for (const char* miss : {"distsys; fwd=miss; stored", "distsys;fwd=stale", "a; hit=?0; fwd=uri-miss"})
    t.cache_status(miss);
  CHECK(t.misses == 3);
  for (const char* none : {"", "distsys", "distsys; detail=hit"}) t.cache_status(none);
  CHECK(t.uncached == 3);
  CHECK(t.hits == 4);
}

TEST_CASE("failures are told apart") {
  using net::http_stage;
  CHECK(kind_of(errc::timeout, http_stage::connecting) == failure_kind::timeout);
  CHECK(kind_of(errc::unavailable, http_stage::connecting) == failure_kind::connect);
  CHECK(kind_of(errc::unavailable, http_stage::writing) == failure_kind::write);
  CHECK(kind_of(errc::unavailable, http_stage::reading) == failure_kind::read);
  CHECK(kind_of(errc::unavailable, http_stage::closed_early) == failure_kind::closed_early);
  CHECK(kind_of(errc::corrupt, http_stage::reading) == failure_kind::protocol);
}

}  // namespace
}  // namespace distsys::roles::loadgen
