#include "src/app/configuration.hpp"
#include "src/app/help.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace distsys;
using namespace distsys::app;

namespace {

struct screen {
  std::size_t lines = 0, columns = 0;
};

screen size_of(std::string_view text) {
  screen s;
  for (std::size_t at = 0; at < text.size(); ++s.lines) {
    const auto end = std::min(text.find('\n', at), text.size());
    s.columns = std::max(s.columns, end - at);
    at = end + 1;
  }
  return s;
}

}  // namespace

TEST_CASE("the program's own tables are sound, and --help of them fits a screen") {
  const composition all{roles(), ports::drivers(), commands()};
  const schema s(all);
  const auto shown = size_of(short_help(s));
  CHECK(shown.lines <= 24);
  CHECK(shown.columns <= 80);
  for (const auto topic : help_topics(s)) {
    const auto text = help_on(s, topic);
    REQUIRE(text);
    if (topic != "markdown") CHECK(size_of(*text).columns <= 80);
  }
  CHECK_FALSE(help_on(s, "bogus"));
}

TEST_CASE("every default of the program's own tables is a value that the option takes") {
  const composition all{roles(), ports::drivers(), commands()};
  const schema s(all);
  problems found;
  const auto c = load(s, {{}, {}, read_whole_file}, found);
  CAPTURE(found.report());
  CHECK(found.empty());
}
