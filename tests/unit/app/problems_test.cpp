#include "distsys/app/command.hpp"
#include "distsys/runtime/random.hpp"
#include "tests/unit/app/fixture.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace distsys;
using namespace distsys::app;
using namespace distsys::app::test;

TEST_CASE("every problem of every source is told at once, with its place and the nearest key") {
  const auto l = load_from({{"--role=cache,worker", "--config=f", "--listn=:1", "--prefetch", "many"},
                            {{"DISTSYS_CACHE_LISTEM", ":2"}, {"DISTSYS_SHARE", "half"}, {"OTHER", "x"}},
                            {{"f",
                              "cahce.listen = :3\nno equals sign\ncache.capacity = huge\nformat = xml\n"
                              "listen = localhost\nsource = ftp://x/\nworker.prefetch = 0\n"}}});
  CHECK(l.tells("--listn", "did you mean 'listen'?"));
  CHECK(l.tells("--prefetch", "'many' is not a whole number"));
  CHECK(l.tells("DISTSYS_CACHE_LISTEM", "did you mean 'DISTSYS_CACHE_LISTEN'?"));
  CHECK(l.tells("DISTSYS_SHARE", "'half' is not a number"));
  CHECK(l.tells("f:1", "unknown key 'cahce.listen'; did you mean 'cache.listen'?"));
  CHECK(l.tells("f:2", "not of the form 'key = value'"));
  CHECK(l.tells("f:3", "cache.capacity: "));
  CHECK(l.tells("f:4", "'xml' is not one of plain, json"));
  CHECK(l.tells("f:5", "'localhost' is not an address"));
  CHECK(l.tells("f:6", "valid are: sim, replay"));
  CHECK(l.tells("f:7", "not in the range 1 to 1000"));
  CHECK(l.found.found().size() == 11);
  CHECK(l.found.exit_code() == exit_usage);
}

TEST_CASE("an option's own check tells its problems with all the others, each at its place") {
  const auto l = load_from({{"--role=cache", "--config=f", "--time-to-live=0s", "--cache.token=s3cret-s3cret"},
                            {{"DISTSYS_CORS_ORIGIN", "example.org"}},
                            {{"f", "threads = many\npair = odd, even, twos\ntrusted-proxies = 10.0.0.0/33\n"}}});
  CAPTURE(l.found.report());
  CHECK(l.tells("f:1", "threads: 'many'"));
  CHECK(l.tells("f:2", "pair: 'odd' is odd"));
  CHECK(l.tells("f:3", "trusted-proxies: '10.0.0.0/33' is neither an address nor a block"));
  CHECK(l.tells("DISTSYS_CORS_ORIGIN", "'example.org' is neither * nor an origin"));
  CHECK(l.tells("--time-to-live", "0s is not in the range 1ms to 3600s"));
  CHECK(l.tells("--cache.token", "it is too long"));
  CHECK(l.found.found().size() == 6);
  CHECK(l.found.report().find("s3cret") == std::string::npos);
}

TEST_CASE("a check is of the value that counts, of a chosen role") {
  CHECK(load_from({{"--role=loadgen", "--config=f"}, {}, {{"f", "pair = odd\ncache.pair = odd\n"}}}).found.empty());
  CHECK(load_from({{"--role=cache", "--pair=even", "--config=f"}, {}, {{"f", "pair = odd\n"}}}).found.empty());
  CHECK(load_from({{"--role=cache", "--pair="}, {}, {}}).found.empty());
  const auto l = load_from({{"--role=cache", "--token-file=t"}, {}, {{"t", "s3cret-s3cret\n"}}});
  CHECK(l.tells("--token-file", "token-file: it is too long"));
}

TEST_CASE("origins, proxies and files of the process are checked") {
  const auto problems_of = [](const std::string& word) {
    return load_from({{"--role=cache", word}, {}, {}}).found.found().size();
  };
  for (const std::string good : {"*", "https://example.org", "http://[::1]:8443", "http://localhost:3000"})
    CHECK(problems_of("--cors-origin=" + good) == 0);
  for (const std::string bad :
       {"garbage", "https://example.org/", "ftp://example.org", "https://", "https://u@h", "https://example.org?x"})
    CHECK(problems_of("--cors-origin=" + bad) == 1);
  for (const std::string good : {"10.0.0.1", "10.0.0.0/8", "::1", "fd00::/8"})
    CHECK(problems_of("--trusted-proxies=" + good) == 0);
  for (const std::string bad : {"foo", "10.0.0.0/33", "10.0.0", "::1/129", "/8"})
    CHECK(problems_of("--trusted-proxies=" + bad) == 1);
  const auto tls = load_from({{"--role=cache", "--tls-certificate=/nonexistent", "--tls-key=/"}, {}, {}});
  CHECK(tls.tells("--tls-certificate", "cannot read '/nonexistent': No such file"));
  CHECK(tls.tells("--tls-key", "cannot read '/': it is a directory"));
}

TEST_CASE("one address for two servers is a problem") {
  const auto problems_of = [](std::vector<std::string> words) { return load_from({std::move(words), {}, {}}); };
  const auto l = problems_of({"--role=cache,worker", "--worker.listen=:5000"});
  CHECK(l.tells("--worker.listen", "worker.listen and cache.listen are the same address, 127.0.0.1:5000"));
  CHECK(problems_of({"--role=cache", "--listen=0.0.0.0:5090"}).tells("--listen", "cache.listen and operations"));
  CHECK(problems_of({"--role=cache", "--listen=:0", "--operations=:0"}).found.empty());
  CHECK(problems_of({"--role=cache", "--listen=127.0.0.2:5090"}).found.empty());
  CHECK(problems_of({"ask", "--operations=:5000"}).found.empty());
}

TEST_CASE("problems come by source, and by the line of a file") {
  const auto l = load_from({{"--role=cache", "--config=f", "--bogus"},
                            {{"DISTSYS_BOGUS", "1"}},
                            {{"f", "threads = x\nbogus = 1\npair = odd\n\n\n\n\n\n\nmore = 1\n"}}});
  std::vector<std::string> places;
  for (const auto& p : l.found.found()) places.push_back(p.source.where);
  CHECK(places == std::vector<std::string>{"f:1", "f:2", "f:3", "f:10", "DISTSYS_BOGUS", "--bogus"});
}

TEST_CASE("a wrong scheme lists the drivers with an example each") {
  const auto l = load_from({{"--role=cache", "--database=postgras://h/db"}, {}, {}});
  CHECK(l.tells("--database", "did you mean 'postgres'?"));
  CHECK(l.tells("--database", "sqlite (sqlite:geo.db), postgres (postgres://u@h/db)"));
  CHECK_FALSE(l.tells("--database", "redis"));
}

TEST_CASE("the exit code tells usage from configuration") {
  CHECK(load_from({{"--role=cache", "--bogus"}, {}, {}}).found.exit_code() == exit_usage);
  CHECK(load_from({{"--role=cache"}, {{"DISTSYS_BOGUS", "1"}}, {}}).found.exit_code() == exit_config);
  CHECK(load_from({{"--role=cache", "--config=f"}, {}, {{"f", "bogus=1"}}}).found.exit_code() == exit_config);
  CHECK(load_from({{"--role=cache", "--config=missing"}, {}, {}}).found.exit_code() == exit_config);
  CHECK(load_from({{"--role=cache"}, {}, {}}).found.exit_code() == exit_ok);
}

TEST_CASE("what cannot be meant is refused") {
  const auto told = [](std::vector<std::string> words, std::string_view where, std::string_view part) {
    const auto l = load_from({std::move(words), {}, {}});
    CAPTURE(l.found.report());
    return l.tells(where, part);
  };
  CHECK(told({"--role=cache", "--prefetch=1"}, "--prefetch", "is an option of worker, which is not among"));
  CHECK(told({"--role=cache", "--worker.prefetch=1"}, "--worker.prefetch", "not among the chosen roles"));
  CHECK(told({"--role=cach"}, "--role", "did you mean 'cache'?"));
  CHECK(told({"--role=cache", "--listen=:1", "--listen=:2"}, "--listen", "given twice"));
  CHECK(told({"--role=cache", "--listen"}, "--listen", "needs a value"));
  CHECK(told({"--role=cache", "--no-access-log=1"}, "--no-access-log", "takes no value"));
  CHECK(told({"cache"}, "cache", "--role=cache"));
  CHECK(told({"asks"}, "command line", "did you mean 'ask'?"));
  CHECK(told({"--role=cache", "--connect"}, "--connect", "goes with --check-config"));
  CHECK(told({"--role=cache", "--tls-key=k"}, "--tls-key", "needs tls-certificate"));
  CHECK(told({"--role=cache", "-z"}, "-z", "unknown option"));
  CHECK(told({"--role=worker", "--once=perhaps"}, "--once", "neither true nor false"));
}

TEST_CASE("a file: comments, quotes, line ends, byte order mark, doubled and misplaced keys") {
  const auto load_file = [](std::string text) {
    return load_from({{"--role=cache,loadgen", "--config=f"}, {}, {{"f", std::move(text)}}});
  };
  const auto good = load_file("\xEF\xBB\xBF# a comment\r\n\r\n  host = ::1 # trailing\r\ndata-dir = \"a # b\"\n");
  REQUIRE(good.found.empty());
  CHECK(good.value("host") == "::1");
  CHECK(good.value("data-dir") == "a # b");
  CHECK(load_file("data-dir = a#b").value("data-dir") == "a#b");
  CHECK(load_file("listen = :1\nlisten = :2\n").tells("f:2", "before as listen at f:1"));
  CHECK(load_file("check-config = true\n").tells("f:1", "only be given on the command line"));
  CHECK(load_file("config = g\n").tells("f:1", "cannot name another file"));
  CHECK(load_file("data-dir = \"open\n").tells("f:1", "not closed"));
  CHECK(load_file("data-dir = \"a\" b\n").tells("f:1", "comma"));
  CHECK(load_file("header = a,,b\n").tells("f:1", "an item of the list is empty"));
  CHECK(load_file("host = a\x01\n").tells("f:1", "control character"));
  CHECK(load_file("host = \xFF\n").tells("f:1", "not UTF-8"));
  CHECK(load_file(std::string((1u << 20) + 1, '#')).tells("f", "larger than 1 MiB"));
}

TEST_CASE("garbage gives a bounded report") {
  std::string text;
  for (int i = 0; i < 5000; ++i) text += "key" + std::to_string(i) + " = 1\n";
  const auto l = load_from({{"--role=cache", "--config=f"}, {}, {{"f", text}}});
  CHECK(l.found.found().size() == problems::limit);
  CHECK(l.found.report().find("and 4900 more") != std::string::npos);
}

TEST_CASE("Kubernetes' variables for a service of our name do not stop us; a typing error does") {
  given g{{"--role=cache"},
          {{"DISTSYS_SERVICE_HOST", "10.0.0.1"},
           {"DISTSYS_PORT", "tcp://10.0.0.1:5000"},
           {"DISTSYS_PORT_5000_TCP_ADDR", "10.0.0.1"},
           {"DISTSYS_CACHE_SERVICE_PORT_HTTP", "5000"}},
          {}};
  CHECK(load_from(g).found.found().size() == 4);
  g.environment.emplace_back("KUBERNETES_SERVICE_HOST", "10.0.0.2");
  CHECK(load_from(g).found.empty());
  g.environment.emplace_back("DISTSYS_LISTE", ":1");
  CHECK(load_from(g).tells("DISTSYS_LISTE", "did you mean"));
}

TEST_CASE("200 corrupt configurations: each is refused with 78 and a line, or still means something") {
  const std::string good =
      "role = cache, worker\ncache.listen = :5000\ncache.capacity = 64MiB\ncache.time-to-live = 5s\n"
      "database = sqlite:geo.db\nsource = sim:?seed=7, replay:dir\nprefetch = 3\nformat = json\n";
  runtime::random rng(19);
  int refused = 0;
  for (int round = 0; round < 200; ++round) {
    std::string text = good;
    const auto hits = 1 + rng.below(8);
    for (std::uint64_t i = 0; i < hits; ++i) {
      const auto at = rng.below(text.size());
      switch (rng.below(3)) {
        case 0:
          text[at] = static_cast<char>(rng.below(256));
          break;
        case 1:
          text.erase(at, 1 + rng.below(6));
          break;
        default:
          text.insert(at, 1, static_cast<char>(rng.below(256)));
      }
    }
    const auto l = load_from({{"--config=f"}, {}, {{"f", text}}});
    CAPTURE(round, text);
    if (l.found.empty()) continue;  // the damage hit a comment, a space, or made another good value
    ++refused;
    CHECK(l.found.exit_code() == exit_config);
    for (const auto& p : l.found.found()) {
      CHECK(p.source.where.starts_with("f:"));
      CHECK_FALSE(p.text.empty());
    }
    const auto report = l.found.report();
    CHECK(std::none_of(report.begin(), report.end(), [](char c) { return c < 0x20 && c >= 0 && c != '\n'; }));
  }
  CHECK(refused > 150);
}
