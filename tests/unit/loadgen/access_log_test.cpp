#include "roles/loadgen/access_log.hpp"

#include "tests/support/catch.hpp"

namespace distsys::roles::loadgen {
namespace {

TEST_CASE("a line of the common and of the combined format is read") {
  // The example of Apache's documentation: 20:55:36 UTC.
  const auto common =
      parse_log_line(R"(127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /apache_pb.gif HTTP/1.0" 200 2326)");
  REQUIRE(common);
  CHECK(common->second == 971211336);
  CHECK(common->method == "GET");
  CHECK(common->target == "/apache_pb.gif");
  const auto combined = parse_log_line(
      R"(::1 - - [24/Nov/2026:00:00:00 +0000] "POST /a?b=\"c\" HTTP/1.1" 302 - "http://x/ [y]" "Mozilla/5.0 \"z\"")");
  REQUIRE(combined);
  CHECK(combined->method == "POST");
  CHECK(combined->target == R"(/a?b=\"c\")");
  const auto proxy = parse_log_line(R"(h - - [24/Nov/2026:01:30:00 +0130] "GET http://other:80/p HTTP/1.1" 200 1)");
  REQUIRE(proxy);
  CHECK(proxy->target == "/p");
  CHECK(proxy->second == combined->second);
}

TEST_CASE("what cannot be replayed says why") {
  for (const auto& [line, said] : std::initializer_list<std::pair<const char*, const char*>>{
           {"", "brackets"},
           {"h - - [10/Oct/2000:13:55:36] \"GET / HTTP/1.0\" 200 1", "time"},
           {"h - - [31/Feb/2000:13:55:36 +0000] \"GET / HTTP/1.0\" 200 1", "time"},
           {"h - - [10/Okt/2000:13:55:36 +0000] \"GET / HTTP/1.0\" 200 1", "time"},
           {"h - - [10/Oct/0001:13:55:36 +0000] \"GET / HTTP/1.0\" 200 1", "from 1990 to 2100"},
           {"h - - [10/Oct/9999:13:55:36 +0000] \"GET / HTTP/1.0\" 200 1", "from 1990 to 2100"},
           {"h - - [10/Oct/2000:13:55:36 +0000] GET / 200 1", "quotes"},
           {"h - - [10/Oct/2000:13:55:36 +0000] \"GET / HTTP/1.0 200 1", "close"},
           {"h - - [10/Oct/2000:13:55:36 +0000] \"-\" 408 0", "method and path"},
           {"h - - [10/Oct/2000:13:55:36 +0000] \"\\x16\\x03 / HTTP/1.0\" 400 0", "method"},
           {"h - - [10/Oct/2000:13:55:36 +0000] \"CONNECT a:443 HTTP/1.1\" 400 0", "method"},
           {"h - - [10/Oct/2000:13:55:36 +0000] \"OPTIONS * HTTP/1.1\" 400 0", "path"}}) {
    INFO(line);
    const auto r = parse_log_line(line);
    REQUIRE(r.has_error());
    INFO(r.error().detail);
    CHECK(r.error().detail.find(said) != std::string::npos);
  }
}

TEST_CASE("a log keeps its timing, in order, and counts what is broken") {
  const auto log = parse_access_log(
      "a - - [10/Oct/2000:00:00:02 +0000] \"GET /two HTTP/1.1\" 200 1\r\n"
      "rubbish\n"
      "a - - [10/Oct/2000:00:00:00 +0000] \"GET /one HTTP/1.1\" 200 1\n"
      "a - - [10/Oct/2000:00:00:02 +0000] \"HEAD /two HTTP/1.1\" 200 1\n"
      "\n"
      "a - - [10/Oct/2000:00:00:02 +0000] \"GET /two HTTP/1.1\" 200 1\n"
      "a - - [10/Oct/2000:00:00:02 +0000] \"GET /one HTTP/1.1\" 200 1",
      "access.log");
  REQUIRE(log);
  CHECK(log->bad_lines == 1);
  REQUIRE(log->complaints.size() == 1);
  CHECK(log->complaints[0] == "access.log:2: no time in brackets");
  REQUIRE(log->requests.size() == 3);
  std::vector<std::pair<std::int64_t, std::string>> seen;
  for (const auto& e : log->entries)
    seen.emplace_back(e.at_us, log->requests[e.request].first + log->requests[e.request].second);
  CHECK(seen == std::vector<std::pair<std::int64_t, std::string>>{{0, "GET/one"},
                                                                  {2'000'000, "GET/two"},
                                                                  {2'250'000, "HEAD/two"},
                                                                  {2'500'000, "GET/two"},
                                                                  {2'750'000, "GET/one"}});
  const auto none = parse_access_log("x\ny\n", "access.log");
  REQUIRE(none.has_error());
  CHECK(none.error().detail.find("access.log:1") != std::string::npos);
  CHECK(parse_access_log("", "f").has_error());
}

}  // namespace
}  // namespace distsys::roles::loadgen
