#include "src/app/help.hpp"
#include "tests/unit/app/fixture.hpp"

#include <catch2/catch.hpp>

using namespace distsys;
using namespace distsys::app;
using namespace distsys::app::test;

namespace {

constexpr std::string_view canary = "hunter2";

// Everything that is ever shown of a configuration.
std::string everything_shown(const loaded& l) {
  std::string out = l.found.report() + print(l.config);
  out += boost::json::serialize(to_json(l.config.process));
  for (const auto& r : l.config.roles) out += boost::json::serialize(to_json(r));
  return out;
}

void stays_hidden(const given& g) {
  const auto l = load_from(g);
  const auto shown = everything_shown(l);
  CAPTURE(shown);
  CHECK(shown.find(canary) == std::string::npos);
}

}  // namespace

TEST_CASE("a secret never shows, wherever it came from and whatever is wrong with it") {
  stays_hidden({{"--role=cache", "--token=hunter2"}, {}, {}});
  stays_hidden({{"--role=cache", "--token", "hunter2", "--token=hunter2"}, {}, {}});
  stays_hidden({{"--role=cache"}, {{"DISTSYS_TOKEN", "hunter2"}}, {}});
  stays_hidden({{"--role=cache", "--config=f"}, {}, {{"f", "cache.token = hunter2\n"}}});
  stays_hidden({{"--role=cache", "--token-file=s"}, {}, {{"s", "hunter2\n"}}});
  stays_hidden({{"--role=cache", "--database=postgres://u:hunter2@h/db"}, {}, {}});
  stays_hidden({{"--role=cache", "--database=postgras://u:hunter2@h/db"}, {}, {}});
  stays_hidden({{"--role=cache", "--database=postgres://u:hunter2@h:port/db"}, {}, {}});
  stays_hidden({{"--role=cache", "--database=u:hunter2@h/db"}, {}, {}});
  stays_hidden({{"--role=cache", "--databse=postgres://u:hunter2@h/db"}, {}, {}});
  stays_hidden({{"--role=cache", "--tokne", "hunter2"}, {}, {}});
  stays_hidden({{"--role=cache", "--config=f"}, {}, {{"f", "tokne = hunter2\ntoken hunter2\n"}}});
  stays_hidden({{"--role=cache", "--kv-store=redis://h/?password=hunter2"}, {}, {}});
  stays_hidden({{"--role=cache", "--kv-store=redis://h/", "--kv-store-password=hunter2"}, {}, {}});
}

TEST_CASE("a secret is read from its file, without the line's end") {
  const auto l = load_from({{"--role=cache", "--token-file=s"}, {}, {{"s", "hunter2\r\n"}}});
  REQUIRE(l.found.empty());
  CHECK(l.value("cache.token") == "hunter2");
  CHECK(print(l.config).find("cache.token-file = s") != std::string::npos);
  const auto prefixed =
      load_from({{"--role=cache", "--token=other"}, {{"DISTSYS_CACHE_TOKEN_FILE", "s"}}, {{"s", "hunter2"}}});
  CHECK(prefixed.value("cache.token") == "hunter2");
}

TEST_CASE("a secret's file that is missing, too large or given beside the secret is a problem") {
  CHECK(load_from({{"--role=cache", "--token-file=none"}, {}, {}}).tells("--token-file", "cannot read 'none'"));
  CHECK(load_from({{"--role=cache", "--token-file=s"}, {}, {{"s", std::string(70'000, 'x')}}})
            .tells("--token-file", "larger than 64 KiB"));
  const auto both = load_from({{"--role=cache", "--token=a", "--token-file=s"}, {}, {{"s", "b"}}});
  CHECK(both.tells("--token-file", "given twice"));
  CHECK(load_from({{"--role=worker", "--format-file=s"}, {}, {{"s", "json"}}})
            .tells("--format-file", "unknown option"));  // not a secret
}

TEST_CASE("what --print-config shows can be loaded again and means the same") {
  const auto first = load_from({{"--role=worker,loadgen", "--source=replay:a, b", "--header=A: \"1\", 2", "--header=#x",
                                 "--data-dir=a # b", "--threads=3"},
                                {},
                                {}});
  REQUIRE(first.found.empty());
  const auto again = load_from({{"--config=f"}, {}, {{"f", print(first.config)}}});
  CAPTURE(print(first.config), again.found.report());
  REQUIRE(again.found.empty());
  REQUIRE(again.config.roles.size() == 2);
  for (const std::string_view name :
       {"data-dir", "threads", "host", "worker.source", "worker.listen", "loadgen.header", "loadgen.connections"})
    CHECK(again.value(name) == first.value(name));
}

TEST_CASE("a template changes nothing, and every line of it can be used") {
  const auto text = config_template(keys(), keys().roles());
  const auto as_it_is = load_from({{"--role=all", "--config=f"}, {}, {{"f", text}}});
  CAPTURE(as_it_is.found.report());
  CHECK(as_it_is.found.empty());
  std::string used;
  std::size_t settings_shown = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto end = std::min(text.find('\n', at), text.size());
    const auto line = text.substr(at, end - at);
    at = end + 1;
    const bool setting = line.size() > 1 && line[0] == '#' && line[1] != ' ';
    if (!setting || line.find("-file =") != std::string::npos || line.starts_with("#role")) continue;
    used += line.substr(1) + "\n";
    ++settings_shown;
  }
  CHECK(settings_shown > 30);
  const auto uncommented = load_from({{"--role=all", "--config=f"}, {}, {{"f", used}}});
  CAPTURE(used, uncommented.found.report());
  CHECK(uncommented.found.empty());
  CHECK(uncommented.value("cache.database") == "sqlite:geo.db");
}
