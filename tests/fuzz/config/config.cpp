// A configuration as a user wrote it, in a file, in the environment and on the command line: bounded and printable
// complaints or values that the options take, and what is printed can be loaded again.
#include "src/app/configuration.hpp"

#include <algorithm>
#include <cstdlib>
#include <string>
#include <utility>

namespace {

using namespace distsys;
using namespace distsys::app;

constexpr std::string_view formats[] = {"plain", "json"};
constexpr option options[] = {
    {"listen", kind::endpoint, ":5000", ""},
    option{"source", kind::url, "sim:", ""}.as_repeatable(),
    option{"prefetch", kind::integer, "1", ""}.between(1, 1000).with_shorthand('p'),
    option{"format", kind::text, "plain", ""}.one_of(formats),
    option{"token", kind::text, "", ""}.as_secret(),
    option{"header", kind::text, "", ""}.as_repeatable().with_shorthand('H'),
    {"once", kind::flag, "false", ""},
    {"share", kind::real, "0.5", ""},
    {"capacity", kind::size, "1MiB", ""},
    {"age", kind::duration, "5s", ""},
    {"directory", kind::path, "", ""},
};
const role_info roles[] = {{"one", "", options, nullptr}, {"two", "", options, nullptr, false}};
const schema& keys() {
  static const schema s({roles, {}, {}});
  return s;
}

void require(bool holds) {
  if (!holds) std::abort();
}

configuration load_text(const std::string& file, std::vector<std::string> words, variables environment,
                        problems& found) {
  words.emplace_back("--config=f");
  const auto read = [&](const std::string& path) -> result<std::string> {
    if (path == "f") return file;
    return error{errc::not_found, "no such file"};
  };
  return load(keys(), {std::move(words), std::move(environment), read}, found);
}

void check_report(const problems& found) {
  const auto report = found.report();
  require(found.found().size() <= problems::limit && found.exit_code() != 0);
  const auto control = [](unsigned char c) { return (c < 0x20 && c != '\n') || c == 0x7f; };
  require(std::none_of(report.begin(), report.end(), control));
}

// The secret was taken out of what is printed: everything else means the same when it is loaded.
void check_printed(const configuration& first) {
  problems found;
  const auto again = load_text(print(first), {}, {}, found);
  require(found.empty() && again.roles.size() == first.roles.size());
  for (std::size_t i = 0; i < first.roles.size(); ++i) {
    for (const auto& s : first.roles[i].all()) {
      const auto* other = again.roles[i].find(s.declared->name);
      if (s.declared->type == kind::text && !s.declared->secret) require(other->texts == s.texts);
    }
  }
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty() && words.size() < 64) {
    const auto end = std::min(text.find('\n'), text.size());
    words.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  {
    problems found;
    const auto c = load_text(text, {}, {}, found);
    if (!found.empty()) check_report(found);
    if (found.empty() && !c.roles.empty()) check_printed(c);
  }
  {
    problems found;
    load_text("", words_of(text), {}, found);
    if (!found.empty()) check_report(found);
  }
  {
    problems found;
    variables environment;
    for (const auto& word : words_of(text)) {
      const auto equals = word.find('=');
      if (equals != std::string::npos)
        environment.emplace_back("DISTSYS_" + word.substr(0, equals), word.substr(equals + 1));
    }
    load_text("", {}, environment, found);
    if (!found.empty()) check_report(found);
  }
  return 0;
}
