#include "src/app/configuration.hpp"

#include "distsys/foundation/text.hpp"
#include "distsys/foundation/version.hpp"
#include "src/app/process_options.hpp"

#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

namespace distsys::app {
namespace {

const assignment* best_bare(std::span<const assignment> given, std::string_view name) {
  const assignment* best = nullptr;
  for (const auto& a : given) {
    if (a.key.targets.front()->what != scope::type::process || a.key.name != name) continue;
    if (best == nullptr || a.source.kind >= best->source.kind) best = &a;
  }
  return best;
}

// "cache,worker", "all", or several of them, from the strongest source that speaks of roles.
std::vector<const scope*> choose_roles(const schema& keys, std::span<const assignment> given, problems& out) {
  const auto* strongest = best_bare(given, "role");
  std::vector<const scope*> named;
  std::vector<std::string_view> names{"all"};
  for (const auto* r : keys.roles()) names.push_back(r->name);
  for (const auto& a : given) {
    if (strongest == nullptr || a.key.name != "role" || !a.key.prefix.empty() ||
        a.source.kind != strongest->source.kind)
      continue;
    for (const auto& value : a.values) {
      for (const auto part : split(value, ',')) {
        const auto name = trim(part);
        const scope* role = keys.find_role(name);
        if (name == "all") {
          for (const auto* r : keys.roles()) {
            if (r->role->part_of_all) named.push_back(r);
          }
        } else if (role != nullptr) {
          named.push_back(role);
        } else {
          std::string list;
          for (const auto n : names) list.append(list.empty() ? "" : ", ").append(n);
          out.add(a.source, unknown("no role", name, names) + " (the roles are " + list + ")");
        }
      }
    }
  }
  std::vector<const scope*> chosen;
  for (const auto* r : keys.roles()) {
    if (std::find(named.begin(), named.end(), r) != named.end()) chosen.push_back(r);
  }
  return chosen;
}

void append(std::vector<assignment>& to, std::vector<assignment> more) {
  to.insert(to.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
}

void read_config_file(const schema& keys, const inputs& from, std::vector<assignment>& given, problems& out) {
  const auto* named = best_bare(given, "config");
  if (named == nullptr || named->values.front().empty()) return;
  const std::string path = named->values.front();
  const auto text = from.read(path);
  if (!text) return out.add({origin_kind::file, path}, text.error().detail);
  append(given, read_file(keys, path, *text, out));
}

void check_together(configuration& c, problems& out) {
  const auto text = [&](std::string_view name) {
    const auto* s = c.process.find(name);
    return s->texts.empty() ? std::string() : s->texts.front();
  };
  const auto* connect = c.process.find("connect");
  if (connect->given() && text("connect") == "true" && text("check-config") != "true")
    out.add(connect->source, "goes with --check-config");
  for (const auto& [one, other] : {std::pair{"tls-certificate", "tls-key"}, std::pair{"tls-key", "tls-certificate"}}) {
    if (!text(one).empty() && text(other).empty())
      out.add(c.process.find(one)->source, std::string("needs ") + other + " beside it");
  }
  if (text("host").empty()) out.add(c.process.find("host")->source, "host cannot be empty");
}

struct listening {
  std::string name;
  endpoint where;
  const setting* from;
};

bool same_address(const endpoint& a, const endpoint& b) {
  const auto everywhere = [](const endpoint& one, const endpoint& other) {
    return one.host == "::" || (one.host == "0.0.0.0" && other.host.find(':') == std::string::npos);
  };
  return a.port != 0 && a.port == b.port && (a.host == b.host || everywhere(a, b) || everywhere(b, a));
}

// The operations port counts too: unless it was chosen it moves on when it is taken, but it is opened first.
void check_endpoints(const configuration& c, problems& out) {
  const auto* host = c.process.find("host");
  std::vector<listening> all;
  const auto collect = [&](const settings& of, const std::string& prefix) {
    for (const auto& s : of.all()) {
      if (s.declared->type != kind::endpoint || s.values.empty() || host->texts.empty()) continue;
      auto where = std::get<endpoint>(s.values.front());
      if (where.host.empty()) where.host = host->texts.front();
      all.push_back({prefix + std::string(s.declared->name), std::move(where), &s});
    }
  };
  collect(c.process, "");
  for (const auto& role : c.roles) collect(role, std::string(role.of().name) + ".");
  for (std::size_t i = 0; i < all.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) {
      if (!same_address(all[i].where, all[j].where)) continue;
      const auto& at = all[i].from->given() ? all[i] : all[j];
      out.add(at.from->source,
              all[i].name + " and " + all[j].name + " are the same address, " + format_endpoint(at.where));
    }
  }
}

std::string value_text(const setting& s) {
  std::string out;
  for (const auto& t : s.texts) {
    out += out.empty() ? "" : ", ";
    out += quote(masked(*s.declared, t), s.declared->repeatable);
  }
  return out;
}

void print(std::ostringstream& out, const settings& of) {
  const std::string prefix = of.of().name.empty() ? "" : std::string(of.of().name) + ".";
  for (const auto& s : of.all()) {
    if (command_line_only(s.declared->name) || s.declared->name == "config") continue;
    std::string line = prefix + std::string(s.declared->name) + (s.file.empty() ? "" : "-file") + " = " +
                       (s.file.empty() ? value_text(s) : quote(s.file, false));
    line.resize(std::max<std::size_t>(line.size(), 47), ' ');
    out << line << " # " << s.source.where << '\n';
  }
}

}  // namespace

result<std::string> read_whole_file(const std::string& path) {
  // A pipe or a socket (`--config <(…)`, a mounted secret) is read as well; only a directory cannot be.
  struct stat about{};
  if (::stat(path.c_str(), &about) != 0)
    return error{errc::not_found, "cannot read '" + path + "': " + std::strerror(errno)};
  if (S_ISDIR(about.st_mode)) return error{errc::invalid, "cannot read '" + path + "': it is a directory"};
  std::ifstream in(path, std::ios::binary);
  if (!in) return error{errc::permission_denied, "cannot read '" + path + "': " + std::strerror(errno)};
  constexpr std::size_t limit = (1u << 20) + 1;  // one more than a file may have, so that the reader can say so
  std::string text(limit, '\0');
  in.read(text.data(), static_cast<std::streamsize>(limit));
  if (in.bad()) return error{errc::unavailable, "cannot read '" + path + "'"};
  text.resize(static_cast<std::size_t>(in.gcount()));
  return text;
}

inputs process_inputs(int argc, char** argv) {
  inputs in;
  in.arguments.assign(argv + std::min(argc, 1), argv + argc);
  for (char** v = environ; v != nullptr && *v != nullptr; ++v) {
    const std::string_view entry(*v);
    const auto equals = entry.find('=');
    if (equals != std::string_view::npos)
      in.environment.emplace_back(entry.substr(0, equals), entry.substr(equals + 1));
  }
  in.read = read_whole_file;
  return in;
}

configuration load(const schema& keys, const inputs& from, problems& out) {
  // The roles decide what the command line may say, and may stand on it, in the environment or in the file: it is read
  // once for them, and once for good.
  problems ignored;
  std::vector<assignment> given = read_environment(keys, from.environment, out);
  append(given, read_arguments(keys, from.arguments, {}, ignored).given);
  read_config_file(keys, from, given, out);
  auto chosen = choose_roles(keys, given, out);

  configuration c;
  const auto* roles = best_bare(given, "role");
  c.roles_given = roles != nullptr && !roles->values.empty();  // "role =" chooses nothing
  if (!c.roles_given) chosen.assign(keys.roles().begin(), keys.roles().end());
  std::erase_if(given, [](const assignment& a) { return a.source.kind == origin_kind::flag; });
  auto line =
      read_arguments(keys, from.arguments,
                     c.roles_given ? std::span<const scope* const>(chosen) : std::span<const scope* const>(), out);
  append(given, std::move(line.given));
  check_values(given, keys, out);
  check_values(line.command_options, keys, out);
  c.process = resolve(keys.process(), given, keys, from.read, out);
  for (const auto* role : chosen) c.roles.push_back(resolve(*role, given, keys, from.read, out));
  c.command = line.command;
  c.words = std::move(line.words);
  if (c.command != nullptr) c.command_settings = resolve(*c.command, line.command_options, keys, from.read, out);
  check_together(c, out);
  if (c.roles_given && c.command == nullptr) check_endpoints(c, out);
  return c;
}

std::string print(const configuration& c) {
  std::ostringstream out;
  out << "# distsys " << version() << ": the effective configuration; secrets are masked\n";
  print(out, c.process);
  for (const auto& role : c.roles) {
    out << "\n# " << role.of().name << ": " << role.of().summary << '\n';
    print(out, role);
  }
  return out.str();
}

json::object to_json(const settings& of) {
  json::object out;
  for (const auto& s : of.all()) {
    if (command_line_only(s.declared->name)) continue;
    json::value value;
    if (s.declared->repeatable) {
      auto& list = value.emplace_array();
      for (const auto& t : s.texts) list.emplace_back(masked(*s.declared, t));
    } else if (!s.texts.empty()) {
      value = masked(*s.declared, s.texts.front());
    }
    out[s.declared->name] = json::object{{"value", std::move(value)}, {"source", s.source.where}};
  }
  return out;
}

}  // namespace distsys::app
