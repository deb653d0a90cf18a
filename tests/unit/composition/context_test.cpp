#include "src/app/context.hpp"
#include "src/app/root_task.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>

using namespace distsys;
using namespace distsys::app;

namespace {

constexpr option first_options[] = {{"database", kind::url_database, "sqlite:shared.db", ""},
                                    {"kv-store", kind::url_kv_store, "memory:", ""},
                                    {"listen", kind::endpoint, ":5000", ""},
                                    option{"mood", kind::text, "calm", ""}.as_reloadable(),
                                    option{"source", kind::url, "", ""}.as_repeatable(),
                                    {"size", kind::size, "2KiB", ""}};
constexpr option second_options[] = {{"database", kind::url_database, "sqlite:shared.db", ""},
                                     {"archive", kind::url_database, "sqlite:archive.db", ""}};
const role_info roles_of_test[] = {{"first", "", first_options, nullptr}, {"second", "", second_options, nullptr}};

awaitable<int> close(backends& b) {
  co_await b.close();
  co_return 0;
}

/// Two roles of one process, in a directory of their own.
class process {
 public:
  explicit process(std::vector<std::string> words = {})
      : keys_({roles_of_test, ports::drivers(), {}}), config_(load_words(std::move(words))) {}
  ~process() {
    run_root(loops_, close(backends_));
    std::filesystem::remove_all(directory_);
  }
  process(const process&) = delete;
  process& operator=(const process&) = delete;

  configuration load_words(std::vector<std::string> words) const {
    problems found;
    auto c = load(keys_, {std::move(words), {}, read_whole_file}, found);
    CAPTURE(found.report());
    REQUIRE(found.empty());
    return c;
  }

  static std::filesystem::path make_directory() {
    std::string pattern = "/tmp/distsys-context-XXXXXX";
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    return pattern;
  }

  std::filesystem::path directory_ = make_directory();
  schema keys_;
  configuration config_;
  runtime::runtime loops_{1};
  backends backends_{ports::drivers(), {loops_, directory_}};
  shared_state shared_{loops_, directory_, backends_, {}, {}};
  live_settings own_{config_.process};
  live_settings first_settings_{config_.roles[0]}, second_settings_{config_.roles[1]};
  context first{first_settings_, own_, shared_}, second{second_settings_, own_, shared_};
};

}  // namespace

TEST_CASE("equal URLs are one backend, others are not") {
  process p;
  CHECK(p.first.open_all().empty());
  CHECK(p.second.open_all().empty());
  CHECK(p.first.database("database") == p.second.database("database"));
  CHECK(p.second.database("archive") != p.second.database("database"));
  const auto all = p.backends_.all();
  REQUIRE(all.size() == 3);
  CHECK(all[0]->address == "sqlite:shared.db");
  CHECK(all[0]->users == std::vector<std::string>{"first.database", "second.database"});
}

TEST_CASE("a driver's refusal names the option") {
  process p({"--first.database=sqlite:x.db?bogus=1"});
  const auto failed = p.first.open_all();
  REQUIRE(failed.size() == 1);
  CHECK(failed[0] == errc::invalid);
  CHECK(failed[0].detail.starts_with("first.database: "));
  CHECK_THROWS_AS(p.first.database("database"), failure);
}

TEST_CASE("settings are read by name and type; anything else is a bug") {
  process p({"--source=sim:", "--source=sim:?seed=2", "--host=::1"});
  CHECK(p.first.role() == "first");
  CHECK(p.first.endpoint("listen").host == "::1");
  CHECK(p.first.addresses("source").size() == 2);
  CHECK(p.first.size("size") == 2048);
  CHECK(p.first.given("source"));
  CHECK_FALSE(p.first.given("listen"));
  CHECK(p.first.text("host") == "::1");  // of the process
  CHECK_THROWS_AS(p.first.text("archive"), std::logic_error);
  CHECK_THROWS_AS(p.first.text("size"), std::logic_error);
  CHECK_THROWS_AS(p.first.address("source"), std::logic_error);
  CHECK_THROWS_AS(p.first.kv_store("database"), std::logic_error);
}

TEST_CASE("an HTTP server gets the role's address and the process's limits") {
  process p({"--listen=0.0.0.0:80", "--http-max-header=1KiB", "--rate-limit=5", "--trusted-proxies=10.0.0.0/8",
             "--http-idle-timeout=1s", "--access-log"});
  const auto o = p.first.http_server("listen");
  CHECK(o.role == "first");
  CHECK(o.host == "0.0.0.0");
  CHECK(o.port == 80);
  CHECK(o.limits.max_header_bytes == 1024);
  CHECK(o.limits.idle_timeout == std::chrono::seconds(1));
  CHECK(o.rate_limit == 5);
  CHECK(o.trusted_proxies == std::vector<std::string>{"10.0.0.0/8"});
  CHECK(o.access_log);
}

TEST_CASE("a reload changes what is reloadable and names the rest") {
  process p;
  const auto newer = p.load_words({"--mood=merry", "--size=4KiB"});
  CHECK(p.first_settings_.reload(newer.roles[0]) == std::vector<std::string>{"first.size"});
  CHECK(p.first.text("mood") == "merry");
  CHECK(p.first.size("size") == 2048);
}
