#include "distsys/foundation/url.hpp"
#include "tests/support/catch.hpp"

#include <array>

using namespace distsys;

TEST_CASE("a URL is taken apart and decoded", "[url]") {
  const auto u = url::parse("postgres://ana:p%40ss@[::1]:5433/geo%20db?sslmode=require&target=any");
  REQUIRE(u);
  CHECK(u->scheme() == "postgres");
  CHECK(u->user() == "ana");
  CHECK(u->password() == "p@ss");
  CHECK(u->host() == "::1");
  CHECK(u->port() == 5433);
  CHECK(u->path() == "/geo db");
  CHECK(u->parameter("sslmode") == "require");
  CHECK_FALSE(u->parameter("absent"));
}

TEST_CASE("the short forms that people type are URLs", "[url]") {
  struct row {
    std::string text, scheme, path;
  };
  for (const auto& [text, scheme, path] :
       {row{"memory:", "memory", ""}, row{"sqlite:geo.db", "sqlite", "geo.db"},
        row{"sqlite:/var/lib/x.db", "sqlite", "/var/lib/x.db"},
        row{"replay:../My Captures/día", "replay", "../My Captures/día"}, row{"sim:?city=santiago&seed=7", "sim", ""},
        row{"geojson+https://example.org/feed.json", "geojson+https", "/feed.json"}}) {
    INFO(text);
    const auto u = url::parse(text);
    REQUIRE(u);
    CHECK(u->scheme() == scheme);
    CHECK(u->path() == path);
    CHECK(u->text() == text);
  }
}

TEST_CASE("an empty query before a fragment has no parameters", "[url]") {
  const auto u = distsys::url::parse("a:b?#c=d");
  REQUIRE(u.has_value());
  CHECK(u->path() == "b");
  CHECK(u->parameters().empty());
}

TEST_CASE("what is shown of a URL is one line", "[url]") {
  CHECK(distsys::url::parse("sqlite:a%0Ab?x=%0D")->masked() == "sqlite:a%0Ab?x=%0D");
}

TEST_CASE("what is not a URL is refused with a reason", "[url]") {
  for (const std::string text :
       {"", "geo.db", "http://host:99999/", "http://host:abc/", "http://[::1/", "a b:c", "x:\n"}) {
    INFO(text);
    const auto u = url::parse(text);
    REQUIRE_FALSE(u);
    CHECK(u.error() == errc::invalid);
    CHECK_FALSE(u.error().detail.empty());
  }
  CHECK_FALSE(url::parse("x:" + std::string(9000, 'a')));
}

TEST_CASE("a URL may name several hosts", "[url]") {
  const auto u = url::parse("postgres://ana:a,b@one:5432,[::1],three:7/geo?x=a,b");
  REQUIRE(u);
  REQUIRE(u->hosts().size() == 3);
  CHECK(u->hosts()[0] == url_host{"one", 5432});
  CHECK(u->hosts()[1] == url_host{"::1", {}});
  CHECK(u->hosts()[2] == url_host{"three", 7});
  CHECK(u->host() == "one");
  CHECK(u->password() == "a,b");
  CHECK(u->path() == "/geo");
  CHECK(u->masked() == "postgres://ana:***@one:5432,[::1],three:7/geo?x=a,b");
  CHECK(url::parse("redis://host/0")->hosts().size() == 1);
  CHECK(url::parse("redis:///run/redis.sock")->hosts().empty());
  CHECK(url::parse("x:a,b")->path() == "a,b");
  for (const std::string text : {"x://a,/", "x://,a/", "x://a,,b/", "x://a,b:99999/", "x://a,b:c/", "x://a,b,"})
    CHECK(url::parse(text).error() == errc::invalid);
}

TEST_CASE("secrets are masked", "[url]") {
  const auto u = url::parse("redis://user:hunter2@host:6379/0?api_key=hunter2&db=1");
  REQUIRE(u);
  CHECK(u->masked().find("hunter2") == std::string::npos);
  CHECK(u->masked() == "redis://user:***@host:6379/0?api_key=***&db=1");
  CHECK(url::parse("redis://host")->with_credentials("u", "hunter2").masked().find("hunter2") == std::string::npos);
}

TEST_CASE("an unknown parameter is refused and the known ones are named", "[url]") {
  static constexpr std::array<std::string_view, 2> known{"readers", "synchronous"};
  const auto refused = url::parse("sqlite:x?reader=2")->check_parameters(known);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().detail.find("did you mean 'readers'") != std::string::npos);
  CHECK(url::parse("sqlite:x?readers=2")->check_parameters(known));
}

TEST_CASE("percent coding reads back and refuses broken escapes", "[url]") {
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  CHECK(percent_decode(percent_encode(all)).value() == all);
  CHECK(percent_decode("a+b", true).value() == "a b");
  CHECK(percent_decode("a+b").value() == "a+b");
  for (const auto* broken : {"%", "%4", "%zz", "a%4g"}) CHECK_FALSE(percent_decode(broken));
}
