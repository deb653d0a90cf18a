#include "options.hpp"
#include "tests/support/catch.hpp"

using namespace distsys;
using namespace distsys::adapters::postgres;

namespace {

result<options> parsed(const std::string& text) { return parse_options(url::parse(text).value()); }

}  // namespace

TEST_CASE("a URL of PostgreSQL says servers, login and database", "[postgres]") {
  const auto o = parsed("postgres://ana:p%40ss@one:6000,two,[::1]:7000/geo?port=5433&sslmode=verify-full&readers=2");
  REQUIRE(o);
  REQUIRE(o->hosts.size() == 3);
  CHECK(o->hosts[0].host == "one");
  CHECK(o->hosts[0].port == "6000");
  CHECK(o->hosts[1].port == "5433");
  CHECK(o->hosts[2].host == "::1");
  CHECK(o->user == "ana");
  CHECK(o->password == "p@ss");
  CHECK(o->database == "geo");
  CHECK(o->readers == 2);
  CHECK(o->passed == std::vector<std::pair<std::string, std::string>>{{"sslmode", "verify-full"},
                                                                      {"target_session_attrs", "read-write"}});
  CHECK(o->label == "one:6000,two:5433,::1:7000/geo");
}

TEST_CASE("what a URL of PostgreSQL leaves out has a default", "[postgres]") {
  const auto o = parsed("postgres:");
  REQUIRE(o);
  CHECK(o->label == "localhost:5432/postgres");
  CHECK(parsed("postgresql://ana@host")->database == "ana");
  CHECK(parsed("postgres:///geo?host=/run/postgresql")->hosts.front().host == "/run/postgresql");
}

TEST_CASE("of several servers the one that takes writes is wanted", "[postgres]") {
  CHECK(parsed("postgres://one/geo")->passed.empty());
  CHECK(parsed("postgres://one/geo?target_session_attrs=any"));
  const auto primary = parsed("postgres://one,two/geo?target_session_attrs=primary");
  REQUIRE(primary);
  CHECK(primary->passed.size() == 1);
  for (const char* replica : {"any", "standby", "read-only", "prefer-standby"}) {
    const auto refused = parsed(std::string("postgres://one,two/geo?target_session_attrs=") + replica);
    REQUIRE(!refused);
    CHECK(refused.error().detail.find("read-write") != std::string::npos);
  }
}

TEST_CASE("a wrong parameter of a PostgreSQL URL is named, and what is right", "[postgres]") {
  const std::pair<const char*, const char*> wrong[] = {{"?reader=2", "readers"},
                                                       {"?readers=0", "1 to 64"},
                                                       {"?sslmode=on", "verify-full"},
                                                       {"?target_session_attrs=rw", "read-write"},
                                                       {"?connect_timeout=soon", "duration"},
                                                       {"?port=x", "65535"},
                                                       {"?host=/run", "two hosts"},
                                                       {"/more", "one database"}};
  for (const auto& [text, expected] : wrong) {
    INFO(text);
    const auto refused = parsed(std::string("postgres://host/geo") + text);
    REQUIRE(!refused);
    CHECK(refused.error() == errc::invalid);
    CHECK(refused.error().detail.find(expected) != std::string::npos);
  }
}
