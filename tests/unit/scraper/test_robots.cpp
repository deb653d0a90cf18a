#include "roles/scraper/robots.hpp"

#include <catch2/catch.hpp>

using distsys::roles::scraper::robots;

namespace {
bool allowed(std::string_view text, std::string_view target) { return robots::parse(text, "distsys").allows(target); }
}  // namespace

TEST_CASE("no rules allow everything, disallow_all all but robots.txt") {
  CHECK(allowed("", "/x"));
  CHECK(allowed("User-agent: *\nDisallow:\n", "/x"));
  CHECK(robots::allow_all().allows("/x"));
  CHECK_FALSE(robots::disallow_all().allows("/x"));
  CHECK(robots::disallow_all().allows("/robots.txt"));
}

TEST_CASE("our group counts, else that of everyone") {
  const char* text =
      "# a comment\r\nUser-agent: *\r\nDisallow: /\r\n\r\nUSER-AGENT: other\r\nuser-agent: DistSys/9.9\r\n"
      "Disallow: /private # here\r\nUser-agent: third\nDisallow: /x\n"
      "User-agent: distsys\nDisallow: /more\n";
  CHECK(allowed(text, "/public"));
  CHECK_FALSE(allowed(text, "/private/a"));
  CHECK_FALSE(allowed(text, "/more"));  // groups of one agent are one
  CHECK(allowed(text, "/x"));
  CHECK_FALSE(robots::parse(text, "unknown").allows("/public"));
  CHECK(allowed("User-agent: distsys\nAllow: /\n\nUser-agent: *\nDisallow: /", "/x"));
  CHECK(allowed("User-agent: distsys\n\nUser-agent: *\nDisallow: /", "/x") == false);  // one group of two agents
  CHECK(allowed("Disallow: /\n", "/x"));                                               // a rule of nobody
  CHECK(allowed("User-agent: distsysx\nDisallow: /\n", "/x"));
}

TEST_CASE("the longest rule decides, and allow wins a tie") {
  const char* text =
      "User-agent: *\nAllow: /example/page/\nDisallow: /example/page/disallowed.gif\nDisallow: /a\nAllow: /a\n";
  CHECK(allowed(text, "/example/page/x"));
  CHECK_FALSE(allowed(text, "/example/page/disallowed.gif"));
  CHECK(allowed(text, "/a"));
}

TEST_CASE("wildcards, anchors and escapes") {
  CHECK_FALSE(allowed("User-agent: *\nDisallow: /*.json$", "/feed.json"));
  CHECK(allowed("User-agent: *\nDisallow: /*.json$", "/feed.json?x=1"));
  CHECK_FALSE(allowed("User-agent: *\nDisallow: /*.json", "/feed.json?x=1"));
  CHECK_FALSE(allowed("User-agent: *\nDisallow: /a*b*c", "/aXXbYYcZZ"));
  CHECK(allowed("User-agent: *\nDisallow: /a*b*c", "/aXXcYYb"));
  CHECK_FALSE(allowed("User-agent: *\nDisallow: /foo?bar=", "/foo?bar=1"));
  CHECK_FALSE(allowed("User-agent: *\nDisallow: /a%7Eb", "/a~b"));
  CHECK_FALSE(allowed("User-agent: *\nDisallow: /\xC3\xB1", "/%C3%B1andu"));
  CHECK_FALSE(allowed("User-agent: *\nDisallow: /%c3%b1", "/%C3%B1"));
  CHECK(allowed("User-agent: *\nDisallow: /a%2Fb", "/a/b"));
}

TEST_CASE("hostile files cost little") {
  std::string stars = "User-agent: *\n";
  for (int i = 0; i < 1000; ++i) stars += "Disallow: /" + std::string(20, '*') + "a*a*a*a*a*a*a*ab$\n";
  CHECK(allowed(stars, "/" + std::string(2000, 'a')));
  CHECK(allowed("\xff\xfe\0\0 binary : : :\nUser-agent\n:::", "/x"));
  CHECK(allowed("User-agent: *\nDisallow: /" + std::string(600'000, 'x'), "/x"));
}
