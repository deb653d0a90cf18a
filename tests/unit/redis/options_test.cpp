#include "options.hpp"
#include "tests/support/catch.hpp"

using namespace distsys;
using adapters::redis::options;

namespace {

result<options> parsed(const std::string& text) { return options::parse(url::parse(text).value()); }

}  // namespace

TEST_CASE("a URL of Redis says server, login and database", "[redis]") {
  const auto o = parsed("redis://ana:p%40ss@example.org:6380/3?connections=2&timeout=1s&connect_timeout=250ms");
  REQUIRE(o);
  REQUIRE(o->servers.size() == 1);
  CHECK(o->servers[0].host == "example.org");
  CHECK(o->servers[0].port == 6380);
  CHECK(o->user == "ana");
  CHECK(o->password == "p@ss");
  CHECK(o->database == 3);
  CHECK(o->connections == 2);
  CHECK(o->timeout == std::chrono::seconds(1));
  CHECK(o->connect_timeout == std::chrono::milliseconds(250));
  CHECK_FALSE(o->tls);
  CHECK(o->describe() == "example.org:6380");
}

TEST_CASE("what a URL of Redis leaves out has its usual value", "[redis]") {
  for (const std::string text : {"redis:", "redis://127.0.0.1", "redis:///0", "redis://127.0.0.1:6379/"}) {
    INFO(text);
    const auto o = parsed(text);
    REQUIRE(o);
    CHECK(o->describe() == "127.0.0.1:6379");
    CHECK(o->database == 0);
  }
  CHECK(parsed("redis://[::1]:7/")->describe() == "[::1]:7");
  CHECK(parsed("rediss://host")->tls);
  CHECK(parsed("rediss://host")->verify);
  CHECK_FALSE(parsed("rediss://host?verify=none")->verify);
}

TEST_CASE("sockets and sentinels have their forms", "[redis]") {
  const auto socket = parsed("redis:///run/redis.sock?db=2");
  REQUIRE(socket);
  CHECK(socket->servers.empty());
  CHECK(socket->describe() == "/run/redis.sock");
  CHECK(socket->database == 2);
  CHECK(parsed("redis://ana:x@/run/redis.sock")->user == "ana");

  const auto watched = parsed("redis://ana:x@one,two:26380,[::1]/4?sentinel=main&sentinel_password=y");
  REQUIRE(watched);
  CHECK(watched->describe() == "main of one:26379,two:26380,[::1]:26379");
  CHECK(watched->database == 4);
  CHECK(watched->password == "x");
  CHECK(watched->sentinel_password == "y");
}

TEST_CASE("a wrong URL of Redis is refused with a reason, and without its password", "[redis]") {
  for (const std::string text :
       {"redis://host/name", "redis://host/1?db=2", "redis://one,two/0",
        "redis://host?sentinel=", "redis://host?sentinel_user=x", "redis:///0?sentinel=x", "redis://host?ca=x",
        "rediss://host?verify=maybe", "rediss:///run/redis.sock", "redis:run/redis.sock", "redis://host?timeout=5",
        "redis://host?timeout=1ms", "redis://host?connections=0", "redis://host?connections=65",
        "redis://host/99999999999999999999", "redis://ana@host", "redis://host?pool=3"}) {
    INFO(text);
    const auto o = parsed(text);
    REQUIRE_FALSE(o);
    CHECK(o.error() == errc::invalid);
    CHECK(o.error().detail.find("redis") != std::string::npos);
  }
  const auto unknown = parsed("redis://ana:hunter2@host?timeuot=5s");
  CHECK(unknown.error().detail.find("did you mean 'timeout'") != std::string::npos);
  CHECK(unknown.error().detail.find("hunter2") == std::string::npos);
}
