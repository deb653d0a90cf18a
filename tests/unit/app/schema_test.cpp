#include "src/app/help.hpp"
#include "src/app/process_options.hpp"
#include "tests/unit/app/fixture.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <stdexcept>

using namespace distsys;
using namespace distsys::app;
using namespace distsys::app::test;

namespace {

composition with_options(std::span<const option> options) {
  static role_info role;
  role = {"probe", "a role", options, nullptr};
  return {std::span(&role, 1), {}, {}};
}

}  // namespace

TEST_CASE("tables that contradict themselves are refused") {
  const auto refused = [](option one, option other) {
    const option both[] = {one, other};
    try {
      const schema s(with_options(both));
    } catch (const std::logic_error&) {
      return true;
    }
    return false;
  };
  const option plain{"plain", kind::text, "", "text"};
  CHECK_FALSE(refused(plain, {"other", kind::text, "", "text"}));
  CHECK(refused(plain, plain));
  CHECK(refused(plain, {"Upper", kind::text, "", "text"}));
  CHECK(refused(plain, {"threads", kind::text, "", "the process has it"}));
  CHECK(refused(plain.with_shorthand('p'), option{"other", kind::text, "", "text"}.with_shorthand('p')));
  CHECK(refused(plain.as_secret(), {"plain-file", kind::path, "", "the secret has it"}));
}

TEST_CASE("keys are found by name, prefix, file form and variable") {
  CHECK(keys().find("listen").targets.size() == 2);
  CHECK(keys().find("cache.listen").targets.size() == 1);
  CHECK(keys().find("cache.threads").declared == nullptr);
  CHECK(keys().find("cache.token-file").names_file);
  CHECK(keys().find("database-password").declared->secret);
  CHECK(keys().find("").declared == nullptr);
  CHECK(keys().find(".").declared == nullptr);
  CHECK(keys().find("timeout").declared == nullptr);  // an option of a command is no key
  CHECK(keys().find_environment("DISTSYS_CACHE_TIME_TO_LIVE").name == "time-to-live");
  CHECK(environment_name("cache.time-to-live") == "DISTSYS_CACHE_TIME_TO_LIVE");
}

TEST_CASE("endpoints") {
  CHECK(parse_endpoint(":5000")->port == 5000);
  CHECK(parse_endpoint("[::1]:80")->host == "::1");
  CHECK(format_endpoint(*parse_endpoint("[::1]:80")) == "[::1]:80");
  CHECK(parse_endpoint("localhost:0")->host == "localhost");
  for (const std::string_view bad :
       {"", "5000", "host", "host:", "host:65536", "host:-1", "::1:80", "[::1]", "a b:1", "[host]:1", "http://h:1"}) {
    CAPTURE(bad);
    CHECK(parse_endpoint(bad).has_error());
  }
}

TEST_CASE("lists read back what was quoted") {
  for (const std::string_view item : {"a", "a, b", "\"", "\\", "a \"b\", c", " x ", "#", "a #b", ""}) {
    CAPTURE(item);
    const auto list = split_list(quote(item, true) + ", " + quote("z", true));
    REQUIRE(list.has_value());
    REQUIRE(list->size() == 2);
    CHECK(list->front() == item);
  }
}
