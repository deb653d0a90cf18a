#include "src/app/help.hpp"

#include "distsys/foundation/version.hpp"
#include "src/app/process_options.hpp"
#include "src/app/value.hpp"

#include <openssl/crypto.h>
#include <zlib.h>
#include <boost/version.hpp>

#include <algorithm>
#include <set>

namespace distsys::app {
namespace {

constexpr std::size_t width = 80;

std::string padded(std::string text, std::size_t to) {
  text.resize(std::max(text.size() + 2, to), ' ');
  return text;
}

/// Words of `text` in lines of at most `width`, each after `indent` spaces; the first line has them already.
std::string wrapped(std::string_view text, std::size_t indent) {
  std::string out;
  std::size_t column = indent;
  while (!text.empty()) {
    const auto end = std::min(text.find(' '), text.size());
    const auto word = text.substr(0, end);
    if (column > indent && column + 1 + word.size() > width) {
      out += '\n' + std::string(indent, ' ');
      column = indent;
    } else if (column > indent) {
      out += ' ';
      ++column;
    }
    out += word;
    column += word.size();
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return out + '\n';
}

std::string row(std::string left, std::size_t at, std::string_view right) {
  left = "  " + left;
  if (left.size() + 2 > at) return left + '\n' + std::string(at, ' ') + wrapped(right, at);
  return padded(std::move(left), at) + wrapped(right, at);
}

std::string usage_of(const scope& s) {
  std::string out(s.name);
  if (s.command != nullptr && !s.command->usage.empty()) out.append(" ").append(s.command->usage);
  return out;
}

// One line; a summary that is too long loses its last clauses.
std::string short_row(const scope& s, std::size_t at) {
  std::string line = padded("  " + usage_of(s), at) + std::string(s.summary);
  if (line.size() > width) {
    const auto clause = line.find_last_of(",;", width);
    line.resize(clause != std::string::npos && clause > at ? clause : line.find_last_of(' ', width));
  }
  return line + '\n';
}

std::string flag_of(const scope& s, const option& o) {
  std::string out = o.shorthand != 0 ? std::string("-") + o.shorthand + ", " : "";
  out += "--" + std::string(o.name);
  if (o.type == kind::flag && o.default_value == "true") out = "--no-" + std::string(o.name);
  if (value_is_optional(o.name) && s.what == scope::type::process) return out + "[=TOPIC]";
  return o.type == kind::flag ? out : out + "=" + placeholder(o);
}

std::string remarks(const option& o) {
  std::string out(o.help);
  if (!o.default_value.empty() && o.type != kind::flag) out += "; default " + std::string(o.default_value);
  if (o.repeatable) out += "; may be given several times";
  if (o.secret) out += "; better from --" + std::string(o.name) + "-file or the environment";
  if (!o.allowed.empty() && o.type != kind::text) {
    std::string schemes;
    for (const auto a : o.allowed) schemes.append(schemes.empty() ? "" : ", ").append(a).append(":");
    out += "; one of " + schemes;
  }
  if (o.reloadable) out += "; read again at SIGHUP";
  return out;
}

std::string variable_of(const scope& s, const option& o) {
  const bool cli_only = s.what == scope::type::command || (s.what == scope::type::process && command_line_only(o.name));
  return cli_only ? "" : environment_name(o.name);
}

std::string backends_of(const schema& keys, kind k) {
  std::string out;
  for (const auto& d : keys.drivers()) {
    if (serves(d, k)) out.append(out.empty() ? "" : ", ").append(d.scheme).append(":");
  }
  return out;
}

std::string long_help(const schema& keys, const scope& s) {
  std::string out;
  if (s.what == scope::type::process) {
    out = "Options of the process\n";
  } else if (s.what == scope::type::role) {
    out = "distsys --role=" + std::string(s.name) + "\n" + wrapped(s.summary, 0);
  } else {
    out = "distsys " + usage_of(s) + "\n" + wrapped(s.summary, 0);
  }
  out += '\n';
  for (const auto& o : s.options) {
    auto text = remarks(o);
    if (is_backend(o.type)) text += "; one of " + backends_of(keys, o.type);
    if (const auto variable = variable_of(s, o); !variable.empty()) text += " [" + variable + "]";
    out += row(flag_of(s, o), 32, text);
  }
  if (s.what == scope::type::role) {
    const std::string name(s.name);
    const std::string example(s.options.empty() ? "NAME" : s.options.front().name);
    out += '\n' + wrapped("A name alone speaks to every chosen role that has it; --" + name + "." + example + ", " +
                              environment_name(name + "." + example) + " or " + name + "." + example +
                              " = … in a file to this role, and wins.",
                          0);
    out += wrapped("--help=process lists what every role shares.", 0);
  }
  return out;
}

// What was linked in, and each driver's own.
std::vector<std::pair<std::string, std::string>> libraries(const schema& keys) {
  std::vector<std::pair<std::string, std::string>> out{
      {"Boost", std::to_string(BOOST_VERSION / 100000) + "." + std::to_string(BOOST_VERSION / 100 % 1000) + "." +
                    std::to_string(BOOST_VERSION % 100)},
      {"OpenSSL", OpenSSL_version(OPENSSL_VERSION_STRING)},
      {"zlib", zlibVersion()}};
  std::set<std::string_view> seen;
  for (const auto& d : keys.drivers()) {
    if (!d.library.empty() && seen.insert(d.library).second) out.emplace_back(std::string(d.scheme) + ":", d.library);
  }
  return out;
}

}  // namespace

std::string short_help(const schema& keys) {
  std::string out = "distsys " + std::string(version()) +
                    " - one executable, every part of a distributed application\n\n"
                    "  distsys --role=ROLE[,ROLE...] [--config=FILE] [--OPTION=VALUE...]\n"
                    "  distsys COMMAND [WORD...]\n\n"
                    "Roles (--role=all is every one that serves)\n";
  std::size_t at = 18;
  for (const auto* s : keys.roles()) out += short_row(*s, at);
  if (!keys.commands().empty()) {
    out += "Commands\n";
    for (const auto* s : keys.commands()) out += short_row(*s, at);
  }
  out +=
      "Options\n"
      "  --data-dir=PATH   where embedded backends live      --config=FILE   settings\n"
      "  --check-config    look, do not run (--connect too)  --print-config  in effect\n"
      "  --help=ROLE       all options of a role; --help=process: what all share\n"
      "\nStart here:  distsys --role=all    then open http://127.0.0.1:5090/: it leads on\n";
  return out;
}

std::vector<std::string_view> help_topics(const schema& keys) {
  std::vector<std::string_view> topics;
  for (const auto* s : keys.roles()) topics.push_back(s->name);
  for (const auto* s : keys.commands()) topics.push_back(s->name);
  topics.insert(topics.end(), {"process", "markdown"});
  return topics;
}

std::optional<std::string> help_on(const schema& keys, std::string_view topic) {
  if (topic.empty()) return short_help(keys);
  if (topic == "process") return long_help(keys, keys.process());
  if (topic == "markdown") return markdown(keys);
  if (const auto* role = keys.find_role(topic)) return long_help(keys, *role);
  if (const auto* command = keys.find_command(topic)) return long_help(keys, *command);
  return std::nullopt;
}

std::string version_text(const schema& keys) {
  std::string out = "distsys " + std::string(version()) + " (" + std::string(git_hash()) + ")\n";
  out += "  compiler   " __VERSION__ "\n";
  for (const auto& [name, release] : libraries(keys)) out += padded("  " + name, 13) + release + "\n";
  return out;
}

json::object version_json(const schema& keys) {
  json::object used;
  for (const auto& [name, release] : libraries(keys)) used[name] = release;
  return {{"version", std::string(version())},
          {"commit", std::string(git_hash())},
          {"compiler", __VERSION__},
          {"libraries", std::move(used)}};
}

std::string role_list(const schema& keys) {
  std::string out;
  for (const auto* s : keys.roles()) {
    out += padded(std::string(s->name), 16) + std::string(s->summary) + (s->role->part_of_all ? "" : " (not in all)") +
           "\n";
  }
  return out;
}

}  // namespace distsys::app
