#include "distsys/app/application.hpp"

#include "distsys/foundation/log.hpp"
#include "src/app/call_log.hpp"
#include "src/app/configuration.hpp"
#include "src/app/help.hpp"
#include "src/app/lint.hpp"
#include "src/app/process.hpp"
#include "src/app/root_task.hpp"
#include "src/app/signals.hpp"
#include "src/app/supervisor.hpp"

#include <boost/asio/post.hpp>

#include <algorithm>
#include <cstring>
#include <deque>
#include <iostream>
#include <thread>

namespace distsys::app {
namespace {

int print_help(const schema& keys, const std::string& topic) {
  if (const auto text = help_on(keys, topic)) {
    std::cout << *text << std::flush;
    return std::cout ? exit_ok : exit_failed;
  }
  const auto topics = help_topics(keys);
  std::cerr << "distsys: --help: " << unknown("nothing about", topic, topics) << '\n';
  return exit_usage;
}

// Questions that need no configuration, and are answered whatever else is wrong.
std::optional<int> answer(const schema& keys, const inputs& from) {
  problems ignored;
  const auto line = read_arguments(keys, from.arguments, {}, ignored);
  if (const auto topic = line.last("help")) {
    const bool of_command = topic->empty() && line.command != nullptr;
    return print_help(keys, of_command ? std::string(line.command->name) : *topic);
  }
  const auto asked = [&](std::string_view option) { return line.last(option) == "true"; };
  if (asked("version")) {
    std::cout << version_text(keys);
  } else if (asked("list-roles")) {
    std::cout << role_list(keys);
  } else if (line.last("completions") == "bash") {
    std::cout << bash_completion(keys);
  } else {
    return std::nullopt;
  }
  std::cout << std::flush;
  return std::cout ? exit_ok : exit_failed;
}

std::string process_text(const configuration& c, std::string_view name) {
  const auto* s = c.process.find(name);
  return s->texts.empty() ? "" : s->texts.front();
}

bool process_flag(const configuration& c, std::string_view name) { return process_text(c, name) == "true"; }

unsigned thread_count(const configuration& c) {
  const auto wanted = std::get<std::int64_t>(c.process.find("threads")->values.front());
  return wanted > 0 ? static_cast<unsigned>(wanted) : std::max(1u, std::thread::hardware_concurrency());
}

void configure_log(const configuration& c) {
  const auto format = process_text(c, "log-format");
  log::configure(log::parse_level(process_text(c, "log-level")).value_or(log::level::info),
                 format == "json"   ? log::format::json
                 : format == "text" ? log::format::text
                                    : log::format::automatic);
}

int print_template(const schema& keys, const configuration& c) {
  std::vector<const scope*> roles;
  roles.reserve(c.roles.size());
  for (const auto& r : c.roles) roles.push_back(&r.of());
  std::cout << config_template(keys, roles);
  return exit_ok;
}

awaitable<int> run_command(context& own, const configuration& c, backends& opened) {
  const int code = co_await c.command->command->run(own, c.words);
  co_await opened.close();
  co_return code;
}

int play_command(const schema& keys, const configuration& c, const std::filesystem::path& data_dir) {
  runtime::runtime loops(1);
  backends opened(keys.drivers(), {loops, data_dir});
  shared_state shared{loops, data_dir, opened, {}, {}};
  live_settings process(c.process), own(c.command_settings);
  std::deque<live_settings> role_settings;
  std::deque<context> contexts;
  std::vector<command_context::chosen_role> chosen;
  for (const auto& r : c.roles) {
    contexts.emplace_back(role_settings.emplace_back(r), process, shared);
    chosen.push_back({r.of().role, &contexts.back()});
  }
  context ctx(own, process, shared);
  ctx.choose(std::move(chosen));
  return run_root(loops, run_command(ctx, c, opened));
}

int play_roles(const schema& keys, const inputs& from, configuration c, const std::filesystem::path& data_dir) {
  service_manager manager;
  runtime::runtime loops(thread_count(c));
  backends opened(keys.drivers(), {loops, data_dir});
  shared_state shared{loops, data_dir, opened, {}, {}};
  supervisor* running = nullptr;  // set before the loops run
  const auto on_loop = [&loops](auto f) { asio::post(loops.loop(0), std::move(f)); };
  signals watched([&](int number) { on_loop([&running, number] { running->request_stop(::strsignal(number)); }); },
                  [&] { on_loop([&running] { running->reload(); }); });
  supervisor s(keys, from, std::move(c), shared, watched, manager);
  running = &s;
  return run_root(loops, s.run());
}

// A process whose roles keep nothing leaves no directory behind.
bool keeps_data(const configuration& c) {
  const auto is_store = [](const option& o) { return o.type == kind::url_database || o.type == kind::url_kv_store; };
  return std::any_of(c.roles.begin(), c.roles.end(), [&](const settings& role) {
    const auto& declared = role.of().options;
    return std::any_of(declared.begin(), declared.end(), is_store);
  });
}

int play(const schema& keys, const inputs& from, configuration c) {
  prepare_process();
  configure_log(c);
  log_backend_calls();
  if (c.command != nullptr && !c.command->command->needs_data_dir) return play_command(keys, c, {});
  if (c.command == nullptr && !keeps_data(c)) return play_roles(keys, from, std::move(c), {});
  const auto data_dir = make_data_dir(process_text(c, "data-dir"));
  if (!data_dir) {
    std::cerr << "distsys: " << data_dir.error().detail << '\n';
    return exit_config;
  }
  if (c.command != nullptr) return play_command(keys, c, *data_dir);
  return play_roles(keys, from, std::move(c), *data_dir);
}

int run_checked(const composition& parts, int argc, char** argv) {
  const schema keys(parts);
  const inputs from = process_inputs(argc, argv);
  if (const auto code = answer(keys, from)) return *code;

  problems found;
  auto c = load(keys, from, found);
  if (!found.empty()) {
    std::cerr << found.report() << "See distsys --help, or distsys --help=ROLE.\n";
    return found.exit_code();
  }
  if (process_flag(c, "print-template")) return print_template(keys, c);
  if (process_flag(c, "print-config")) {
    std::cout << print(c);
    return exit_ok;
  }
  if (process_flag(c, "check-config"))
    return process_flag(c, "connect") ? check_connections(keys, c) : check_configuration(keys, c);
  if (c.command == nullptr && (!c.roles_given || c.roles.empty())) {
    std::cerr << "distsys: nothing to do: choose a role or a command\n\n" << short_help(keys);
    return exit_usage;
  }
  return play(keys, from, std::move(c));
}

}  // namespace

int run(const composition& parts, int argc, char** argv) {
  try {
    return run_checked(parts, argc, argv);
  } catch (const failure& f) {
    std::cerr << "distsys: " << f.reason().what() << '\n';
    return exit_code_of(f.reason().code);
  } catch (const std::exception& e) {
    std::cerr << "distsys: a bug: " << e.what() << '\n';
    return exit_bug;
  }
}

}  // namespace distsys::app
