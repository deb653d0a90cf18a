#include "tests/unit/app/fixture.hpp"

namespace distsys::app::test {
namespace {

constexpr std::string_view formats[] = {"plain", "json"};
constexpr std::string_view inputs_allowed[] = {"sim", "replay"};

std::string even(std::string_view text) { return text.size() % 2 == 0 ? "" : "'" + std::string(text) + "' is odd"; }
std::string short_enough(std::string_view text) { return text.size() < 8 ? "" : "it is too long"; }

constexpr option cache_options[] = {
    {"listen", kind::endpoint, ":5000", "HTTP address"},
    {"kv-store", kind::url_kv_store, "memory:", "where hot events are shared"},
    {"database", kind::url_database, "sqlite:geo.db", "where events are stored"},
    option{"time-to-live", kind::duration, "5s", "how long an answer is kept"}.between(0.001, 3600),
    {"capacity", kind::size, "64MiB", "of the cache"},
    option{"token", kind::text, "", "who may purge"}.as_secret().checked_by(&short_enough),
    option{"pair", kind::text, "", "an even number of letters"}.checked_by(&even).as_repeatable(),
};
constexpr option worker_options[] = {
    {"listen", kind::endpoint, ":5001", "HTTP address"},
    {"database", kind::url_database, "sqlite:tasks.db", "where results are stored"},
    option{"source", kind::url, "sim:", "what to read"}.as_repeatable().one_of(inputs_allowed),
    option{"prefetch", kind::integer, "1", "messages at a time"}.between(1, 1000),
    option{"format", kind::text, "plain", "of the log"}.one_of(formats).as_reloadable(),
    {"once", kind::flag, "false", "stop when there is no more"},
    {"share", kind::real, "0.5", "of the processor"},
};
constexpr option load_options[] = {
    option{"pair", kind::text, "", "any word"}.as_repeatable(),
    option{"connections", kind::integer, "10", "at a time"}.with_shorthand('c'),
    option{"header", kind::text, "", "of each request"}.as_repeatable().with_shorthand('H'),
    option{"insecure", kind::flag, "false", "take any certificate"}.with_shorthand('k'),
    option{"quiet", kind::flag, "false", "no progress"}.with_shorthand('q'),
};
constexpr option ask_options[] = {{"timeout", kind::duration, "3s", "how long"}};

std::unique_ptr<service> make_nothing(role_context&) { return nullptr; }
awaitable<int> run_nothing(command_context&, std::vector<std::string>) { co_return 0; }

template <class Port>
result<std::shared_ptr<Port>> refuse(const url&, const ports::driver_environment&) {
  return error{errc::unavailable, "a driver for tests"};
}

}  // namespace

const composition& parts() {
  static const role_info roles[] = {{"cache", "serves", cache_options, &make_nothing},
                                    {"worker", "works", worker_options, &make_nothing},
                                    {"loadgen", "drives", load_options, &make_nothing, false}};
  static const ports::driver drivers[] = {
      {"memory", "", "in this process", "memory:", ports::open_function<ports::kv_store>{&refuse<ports::kv_store>}},
      {"redis", "", "Redis", "redis://host:6379/0", ports::open_function<ports::kv_store>{&refuse<ports::kv_store>}},
      {"sqlite", "", "a file", "sqlite:geo.db", ports::open_function<ports::database>{&refuse<ports::database>}},
      {"postgres", "", "PostgreSQL", "postgres://u@h/db",
       ports::open_function<ports::database>{&refuse<ports::database>}}};
  static const command_info commands[] = {
      {.name = "ask", .summary = "asks", .usage = "[URL]", .options = ask_options, .run = &run_nothing}};
  static const composition all{roles, drivers, commands};
  return all;
}

const schema& keys() {
  static const schema s(parts());
  return s;
}

const setting& loaded::at(std::string_view name) const {
  const auto dot = name.find('.');
  const settings* from = &config.process;
  if (dot != std::string_view::npos) {
    from = &config.command_settings;
    for (const auto& r : config.roles) {
      if (r.of().name == name.substr(0, dot)) from = &r;
    }
    name.remove_prefix(dot + 1);
  }
  const auto* s = from->find(name);
  if (s == nullptr) throw std::out_of_range(std::string(name));
  return *s;
}

std::string loaded::value(std::string_view name) const {
  std::string out;
  for (const auto& t : at(name).texts) out += (out.empty() ? "" : "|") + t;
  return out;
}

bool loaded::tells(std::string_view where, std::string_view part) const {
  for (const auto& p : found.found()) {
    if (p.source.where == where && p.text.find(part) != std::string::npos) return true;
  }
  return false;
}

loaded load_from(const given& g) {
  inputs in{g.arguments, g.environment, [&g](const std::string& path) -> result<std::string> {
              const auto file = g.files.find(path);
              if (file == g.files.end()) return error{errc::not_found, "cannot read '" + path + "'"};
              return file->second;
            }};
  loaded l;
  l.config = load(keys(), in, l.found);
  return l;
}

}  // namespace distsys::app::test
