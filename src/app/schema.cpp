#include "src/app/schema.hpp"

#include "src/app/process_options.hpp"

#include <algorithm>
#include <set>
#include <stdexcept>

namespace distsys::app {
namespace {

constexpr std::string_view file_suffix = "-file";

const scope* find_named(std::span<const scope* const> scopes, std::string_view name) noexcept {
  const auto found = std::find_if(scopes.begin(), scopes.end(), [&](const scope* s) { return s->name == name; });
  return found == scopes.end() ? nullptr : *found;
}

bool well_formed(std::string_view name) {
  const auto plain = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'; };
  return !name.empty() && name.front() != '-' && std::all_of(name.begin(), name.end(), plain);
}

[[noreturn]] void contradiction(const scope& s, std::string_view name, const std::string& why) {
  throw std::logic_error("option '" + std::string(name) + "' of '" + std::string(s.name) + "': " + why);
}

// The options of one scope by themselves.
void check_scope(const scope& s) {
  std::set<std::string_view> names;
  std::set<char> letters;
  for (const auto& o : s.options) {
    if (!well_formed(o.name)) contradiction(s, o.name, "not lower-case words joined by '-'");
    if (!names.insert(o.name).second) contradiction(s, o.name, "declared twice");
    if (o.shorthand != 0 && !letters.insert(o.shorthand).second) contradiction(s, o.name, "its letter is taken");
    if (o.type == kind::flag && (o.repeatable || o.secret))
      contradiction(s, o.name, "a flag is neither list nor secret");
    if (o.secret && s.find(std::string(o.name) + std::string(file_suffix)) != nullptr)
      contradiction(s, o.name, "the secret's file would share its name with another option");
  }
}

}  // namespace

const option* scope::find(std::string_view option_name) const noexcept {
  const auto found =
      std::find_if(options.begin(), options.end(), [&](const option& o) { return o.name == option_name; });
  return found == options.end() ? nullptr : &*found;
}

schema::schema(const composition& parts) : drivers_(parts.drivers) {
  add_scope({.name = "", .summary = "the process"}, process_options());
  for (const auto& r : parts.roles)
    add_scope({.what = scope::type::role, .name = r.name, .summary = r.summary, .role = &r}, r.options);
  for (const auto& c : parts.commands)
    add_scope({.what = scope::type::command, .name = c.name, .summary = c.summary, .command = &c}, c.options);
  for (const auto& s : scopes_) {
    if (s.what == scope::type::role) roles_.push_back(&s);
    if (s.what == scope::type::command) commands_.push_back(&s);
  }
  check();
  index();
}

void schema::add_scope(scope s, std::span<const option> declared) {
  for (const auto& o : declared) {
    s.options.push_back(o);
    add_derived(s, o);
  }
  scopes_.push_back(std::move(s));
}

// A password needs not stand in the URL of a backend: it may come by its own key, from the environment or a file.
void schema::add_derived(scope& s, const option& o) {
  if (o.type != kind::url_kv_store && o.type != kind::url_database) return;
  const std::string_view name = texts_.emplace_back(std::string(o.name) + "-password");
  const std::string_view help = texts_.emplace_back("the password of " + std::string(o.name) + ", kept out of its URL");
  s.options.push_back(option{name, kind::text, "", help}.as_secret());
}

void schema::check() const {
  std::set<std::string_view> names;
  std::map<std::string_view, bool> is_flag;
  for (const auto& s : scopes_) {
    check_scope(s);
    if (&s == &process()) continue;
    if (!well_formed(s.name)) throw std::logic_error("'" + std::string(s.name) + "' cannot be a name");
    if (!names.insert(s.name).second) throw std::logic_error("'" + std::string(s.name) + "' is declared twice");
    if (s.name == "all" || s.name == "process") throw std::logic_error("a role cannot be named " + std::string(s.name));
    for (const auto& o : s.options) {
      if (process().find(o.name) != nullptr) contradiction(s, o.name, "the process has an option of that name");
      const auto [known, added] = is_flag.emplace(o.name, o.type == kind::flag);
      if (!added && known->second != (o.type == kind::flag))
        contradiction(s, o.name, "a flag here and not a flag elsewhere");
    }
  }
}

void schema::add_key(const std::string& name) {
  const auto [at, added] = variables_.emplace(environment_name(name), name);
  if (added) {
    key_names_.push_back(name);
  } else if (at->second != name) {
    throw std::logic_error("'" + name + "' and '" + at->second + "' share the variable " + at->first);
  }
}

void schema::index() {
  for (const auto& s : scopes_) {
    if (s.what == scope::type::command) continue;
    for (const auto& o : s.options) {
      if (&s == &process() && command_line_only(o.name)) continue;
      for (const std::string_view suffix : {std::string_view{}, file_suffix}) {
        if (!suffix.empty() && !o.secret) continue;
        const std::string name = std::string(o.name) + std::string(suffix);
        add_key(name);
        if (s.what == scope::type::role) add_key(std::string(s.name) + "." + name);
      }
    }
  }
  key_views_.assign(key_names_.begin(), key_names_.end());
  for (const auto& [variable, name] : variables_) variable_views_.push_back(variable);
}

const scope* schema::find_role(std::string_view name) const noexcept { return find_named(roles_, name); }
const scope* schema::find_command(std::string_view name) const noexcept { return find_named(commands_, name); }

schema::key schema::find(std::string_view full_name) const {
  key k;
  const auto dot = full_name.find('.');
  if (dot != std::string_view::npos) k.prefix = full_name.substr(0, dot);
  k.name = dot == std::string_view::npos ? full_name : full_name.substr(dot + 1);
  const auto collect = [&] {
    for (const auto& s : scopes_) {
      if (s.what == scope::type::command || (dot != std::string_view::npos && s.name != k.prefix)) continue;
      if (dot != std::string_view::npos && s.what == scope::type::process) continue;
      const option* o = s.find(k.name);
      if (o == nullptr || (k.names_file && !o->secret)) continue;
      if (k.declared == nullptr) k.declared = o;
      k.targets.push_back(&s);
    }
  };
  collect();
  if (k.declared == nullptr && k.name.ends_with(file_suffix)) {
    k.names_file = true;
    k.name.resize(k.name.size() - file_suffix.size());
    collect();
  }
  return k;
}

schema::key schema::find_environment(std::string_view variable) const {
  const auto found = variables_.find(variable);
  return found == variables_.end() ? key{} : find(found->second);
}

std::string environment_name(std::string_view key_name) {
  std::string out = "DISTSYS_";
  for (const char c : key_name) {
    if (c == '-' || c == '.') {
      out += '_';
    } else {
      out += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    }
  }
  return out;
}

bool is_backend(kind k) noexcept {
  return k == kind::url_kv_store || k == kind::url_database || k == kind::url_http_client;
}

}  // namespace distsys::app
