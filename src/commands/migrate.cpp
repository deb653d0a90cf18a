// `distsys migrate`: brings the databases of the chosen roles to this version's tables, without starting the roles.
#include "src/commands/commands.hpp"

#include <cstdio>
#include <iostream>

namespace distsys::commands {
namespace {

awaitable<int> run(app::command_context& context, std::vector<std::string> words) {
  if (!words.empty()) {
    std::cerr << "distsys: migrate takes no words; choose roles by --role\n";
    co_return app::exit_usage;
  }
  const bool only_check = context.text("migrate") == "check";
  int code = app::exit_ok;
  for (const auto& chosen : context.chosen_roles()) {
    for (const auto& m : chosen.info->migrations) {
      const auto list = m.list();
      const auto db = chosen.context->database(m.option);
      const auto outcome = co_await chosen.context->migrate(*db, list);
      const std::string where = std::string(chosen.info->name) + "." + std::string(m.option);
      std::printf("%-32s %3zu migrations  %s\n", where.c_str(), list.size(),
                  outcome ? (only_check ? "all applied" : "up to date") : outcome.error().what().c_str());
      if (!outcome) code = outcome.error() == errc::conflict ? app::exit_failed : app::exit_unavailable;
    }
  }
  std::fflush(stdout);
  co_return code;
}

}  // namespace

const app::command_info migrate{
    .name = "migrate",
    .summary = "brings the databases up to date; --migrate=check only tells",
    .usage = "",
    .options = {},
    .run = &run,
    .needs_data_dir = true,
};

}  // namespace distsys::commands
