#include "command.hpp"
#include "redis_error.hpp"
#include "scripts.hpp"
#include "tests/support/catch.hpp"

using namespace distsys;
using namespace distsys::adapters::redis;

namespace {

std::string bytes_of(const command& c, std::size_t* large = nullptr) {
  std::string out;
  c.write_to(out, [&](const ports::shared_bytes& value) {
    out += *value;
    if (large) ++*large;
  });
  return out;
}

}  // namespace

TEST_CASE("commands are RESP, and large values are referred to", "[redis]") {
  command c(3);
  c.add("SET")
      .add("k\r\n")
      .add("", std::make_shared<const std::string>("v"))
      .then(2)
      .add("INCRBY")
      .add(std::int64_t{-7});
  CHECK(c.count() == 2);
  CHECK(bytes_of(c) == "*3\r\n$3\r\nSET\r\n$3\r\nk\r\n\r\n$1\r\nv\r\n*2\r\n$6\r\nINCRBY\r\n$2\r\n-7\r\n");
  CHECK(c.bytes() == bytes_of(c).size());

  const auto value = std::make_shared<const std::string>(100'000, 'x');
  command with_large(3);
  with_large.add("SET").add("k").add("head", value).then(1).add("PING");
  std::size_t large = 0;
  CHECK((bytes_of(with_large, &large) ==
         "*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$100004\r\nhead" + *value + "\r\n*1\r\n$4\r\nPING\r\n"));
  CHECK(large == 1);
  CHECK(value.use_count() == 2);
  CHECK(with_large.bytes() == bytes_of(with_large).size());
}

TEST_CASE("the server's errors become ours, without what they repeat", "[redis]") {
  struct row {
    std::string_view text;
    errc code;
  };
  for (const auto& [text, code] :
       {row{"OOM command not allowed when used memory > 'maxmemory'.", errc::no_space},
        row{"READONLY You can't write against a read only replica.", errc::unavailable},
        row{"LOADING Redis is loading the dataset in memory", errc::unavailable},
        row{"MISCONF Redis is configured to save RDB snapshots", errc::unavailable},
        row{"NOAUTH Authentication required.", errc::permission_denied},
        row{"NOPERM this user has no permissions to run the 'get' command", errc::permission_denied},
        row{"WRONGTYPE Operation against a key holding the wrong kind of value", errc::invalid},
        row{"ERR value is not an integer or out of range", errc::invalid},
        row{"ERR increment or decrement would overflow script: abc, on @user_script:1.", errc::invalid},
        row{"MOVED 3999 127.0.0.1:6381", errc::invalid}, row{"NEWWORD of a later version", errc::internal},
        row{"", errc::internal}}) {
    INFO(text);
    CHECK(server_error(text) == code);
  }
  const auto repeated = server_error("ERR unknown command 'AUTH', with args beginning with: 'hunter2'");
  CHECK(repeated.detail.find("hunter2") == std::string::npos);
  CHECK(server_error("ERR a\r\nb\x01").detail == "redis: ERR a??b?");
  CHECK(speaks_of_wrong_server("READONLY You can't write"));
  CHECK_FALSE(speaks_of_wrong_server("ERR"));
}

TEST_CASE("a script is named by the SHA-1 of its text", "[redis]") {
  for (const auto* s : {&set_if_newer_script(), &invalidate_script(), &erase_script(), &increment_script()}) {
    CHECK(s->sha1.size() == 40);
    CHECK(s->sha1.find_first_not_of("0123456789abcdef") == std::string::npos);
  }
  CHECK(set_if_newer_script().sha1 != invalidate_script().sha1);
}
