#include "tests/unit/app/fixture.hpp"

#include <catch2/catch.hpp>

using namespace distsys;
using namespace distsys::app;
using namespace distsys::app::test;

namespace {

// The six places from the weakest to the strongest.
enum place : unsigned {
  bare_file = 1,
  bare_variable = 2,
  bare_flag = 4,
  own_file = 8,
  own_variable = 16,
  own_flag = 32
};

given in_places(unsigned places) {
  given g{{"--role=cache,worker", "--config=f"}, {}, {{"f", ""}}};
  if (places & bare_file) g.files["f"] += "listen = :1\n";
  if (places & own_file) g.files["f"] += "cache.listen = :8\n";
  if (places & bare_variable) g.environment.emplace_back("DISTSYS_LISTEN", ":2");
  if (places & own_variable) g.environment.emplace_back("DISTSYS_CACHE_LISTEN", ":16");
  if (places & bare_flag) g.arguments.emplace_back("--listen=:4");
  if (places & own_flag) g.arguments.emplace_back("--cache.listen=:32");
  return g;
}

unsigned highest_bit(unsigned v) {
  unsigned bit = 32;
  while (bit != 0 && (v & bit) == 0) bit >>= 1;
  return bit;
}

}  // namespace

TEST_CASE("of all 64 combinations of places the strongest wins: prefix, then flag, variable, file, default") {
  for (unsigned places = 0; places < 64; ++places) {
    CAPTURE(places);
    const auto l = load_from(in_places(places));
    // Where both roles get the same address, that is told, and nothing else.
    const bool same = l.value("cache.listen") == l.value("worker.listen");
    REQUIRE(l.found.found().size() == (same ? 1 : 0));
    const unsigned own = highest_bit(places);
    CHECK(l.value("cache.listen") == (own == 0 ? ":5000" : ":" + std::to_string(own)));
    const unsigned bare = highest_bit(places & 7u);
    CHECK(l.value("worker.listen") == (bare == 0 ? ":5001" : ":" + std::to_string(bare)));
  }
}

TEST_CASE("a source is named with the place that decided") {
  auto l = load_from(in_places(bare_file | own_file));
  CHECK(l.at("cache.listen").source.where == "f:2");
  CHECK(l.at("worker.listen").source.where == "f:1");
  CHECK(load_from(in_places(own_variable)).at("cache.listen").source.where == "DISTSYS_CACHE_LISTEN");
  CHECK(load_from(in_places(own_flag)).at("cache.listen").source.where == "--cache.listen");
  CHECK(load_from(in_places(0)).at("cache.listen").source.where == "default");
  CHECK_FALSE(load_from(in_places(0)).at("cache.listen").given());
}

TEST_CASE("the roles come from the strongest source that names them") {
  given g{{"--config=f"}, {}, {{"f", "role = all\n"}}};
  CHECK(load_from(g).config.roles.size() == 2);  // loadgen only runs when named
  g.environment.emplace_back("DISTSYS_ROLE", "worker");
  CHECK(load_from(g).config.roles.front().of().name == "worker");
  g.arguments.insert(g.arguments.end(), {"--role", "cache,loadgen"});
  const auto l = load_from(g);
  REQUIRE(l.config.roles.size() == 2);
  CHECK(l.config.roles[1].of().name == "loadgen");
}

TEST_CASE("the file that configures all serves a single role unedited") {
  given g{
      {"--role=cache", "--config=f"},
      {{"DISTSYS_WORKER_PREFETCH", "7"}},
      {{"f", "role = all\nlisten = :0\nworker.prefetch = 9\nworker.source = sim:, replay:x\ncache.capacity=1KiB\n"}}};
  const auto l = load_from(g);
  CHECK(l.found.empty());
  REQUIRE(l.config.roles.size() == 1);
  CHECK(l.value("cache.capacity") == "1KiB");
}

TEST_CASE("lists: every flag is an item, a file's and a variable's value is split at commas") {
  const auto flags = load_from({{"--role=loadgen", "-H", "A: 1, 2", "--header", "B: 3"}, {}, {}});
  CHECK(flags.value("loadgen.header") == "A: 1, 2|B: 3");
  const auto file = load_from({{"--role=loadgen", "--config=f"}, {}, {{"f", "header = \"A: 1, 2\", B: 3 # two\n"}}});
  REQUIRE(file.found.empty());
  CHECK(file.value("loadgen.header") == "A: 1, 2|B: 3");
  const auto variable = load_from({{"--role=worker"}, {{"DISTSYS_SOURCE", "sim:?seed=7, replay:a b"}}, {}});
  CHECK(variable.value("worker.source") == "sim:?seed=7|replay:a b");
  const auto twice = load_from({{"--role=worker", "--config=f"}, {}, {{"f", "source = sim:\nsource = replay:x\n"}}});
  CHECK(twice.value("worker.source") == "sim:|replay:x");
}

TEST_CASE("a bare scheme is the option's own default file") {
  const auto l = load_from({{"--role=cache,worker", "--database=sqlite:"}, {}, {}});
  CHECK(l.value("cache.database") == "sqlite:geo.db");
  CHECK(l.value("worker.database") == "sqlite:tasks.db");
  const auto q = load_from({{"--role=cache", "--database=sqlite:?busy=1s"}, {}, {}});
  CHECK(q.value("cache.database") == "sqlite:geo.db?busy=1s");
}

TEST_CASE("flags: all ways to write one") {
  const auto value = [](std::vector<std::string> words, std::string_view name) {
    words.insert(words.begin(), "--role=worker");
    const auto l = load_from({words, {}, {}});
    CAPTURE(l.found.report());
    CHECK(l.found.empty());
    return l.value(name);
  };
  CHECK(value({"--prefetch=5"}, "worker.prefetch") == "5");
  CHECK(value({"--prefetch", "5"}, "worker.prefetch") == "5");
  CHECK(value({"--once"}, "worker.once") == "true");
  CHECK(value({"--once=false"}, "worker.once") == "false");
  CHECK(value({"--no-once"}, "worker.once") == "false");
  CHECK(value({"--worker.once"}, "worker.once") == "true");
  CHECK(value({"--no-worker.once"}, "worker.once") == "false");
  CHECK(value({"--no-access-log"}, "access-log") == "false");
}

TEST_CASE("letters belong to the one chosen role") {
  const auto l = load_from({{"--role=loadgen", "-c20", "-kq", "-H=X: y"}, {}, {}});
  REQUIRE(l.found.empty());
  CHECK(l.value("loadgen.connections") == "20");
  CHECK(l.value("loadgen.insecure") == "true");
  CHECK(l.value("loadgen.quiet") == "true");
  CHECK(l.value("loadgen.header") == "X: y");
  CHECK(load_from({{"-c", "30", "--role=loadgen"}, {}, {}}).value("loadgen.connections") == "30");
  const auto two = load_from({{"--role=loadgen,cache", "-c", "20"}, {}, {}});
  CHECK(two.tells("-c", "only where --role=loadgen is chosen alone"));
}

TEST_CASE("a command takes its options before and after it, and its words") {
  const auto l = load_from({{"--timeout", "1s", "ask", "http://x/", "--", "--word"}, {}, {}});
  REQUIRE(l.found.empty());
  REQUIRE(l.config.command != nullptr);
  CHECK(l.config.command->name == "ask");
  CHECK(l.config.words == std::vector<std::string>{"http://x/", "--word"});
  CHECK(l.value("ask.timeout") == "1s");
  CHECK(l.config.roles.size() == 3);  // all that there are, unless chosen
}
