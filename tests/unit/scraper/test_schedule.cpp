#include "roles/scraper/schedule.hpp"

#include "distsys/foundation/text.hpp"

#include <catch2/catch.hpp>

using namespace distsys::roles::scraper;
using namespace std::chrono_literals;

TEST_CASE("successes come at the interval with jitter") {
  distsys::runtime::random random(1);
  schedule s(10s, 10min);
  for (int i = 0; i < 200; ++i) {
    const auto d = s.next(true, 0ms, random);
    REQUIRE(d >= 9s);
    REQUIRE(d <= 11s);
  }
  CHECK(s.next(true, 1min, random) == 1min);
}

TEST_CASE("failures back off exponentially up to the cap, and a success forgets them") {
  distsys::runtime::random random(1);
  schedule s(10s, 10min);
  auto most = 20'000ms;
  for (int i = 0; i < 50; ++i) {
    const auto d = s.next(false, 0ms, random);
    REQUIRE(d >= most / 2);
    REQUIRE(d <= most);
    most = std::min<std::chrono::milliseconds>(most * 2, 10min);
  }
  CHECK(s.next(false, 1h, random) == 1h);
  CHECK(s.next(true, 0ms, random) <= 11s);
  CHECK(s.next(false, 0ms, random) <= 20s);
}

TEST_CASE("Retry-After is seconds or a date, and never more than a day") {
  const auto now = distsys::parse_time("1994-11-06T08:49:00Z").value();
  CHECK(parse_retry_after("120", now) == 120s);
  CHECK(parse_retry_after(" 0 ", now) == 0s);
  CHECK(parse_retry_after("Sun, 06 Nov 1994 08:49:37 GMT", now) == 37s);
  CHECK(parse_retry_after("Sun, 06 Nov 1994 08:40:00 GMT", now) == 0s);
  CHECK(parse_retry_after("99999999999", now) == 24h);
  CHECK(parse_retry_after("Sun, 06 Nov 2094 08:49:37 GMT", now) == 24h);
  for (const char* text :
       {"", "soon", "-1", "1.5", "Sun, 06 Nox 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT"}) {
    INFO(text);
    CHECK_FALSE(parse_retry_after(text, now));
  }
}
