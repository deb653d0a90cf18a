// `distsys health [URL]`: asks a running process whether it is ready; for container health checks and scripts.
#include "distsys/app/http_probe.hpp"
#include "src/commands/commands.hpp"

#include <algorithm>
#include <iostream>

namespace distsys::commands {
namespace {

constexpr app::option options[] = {
    app::option{"timeout", app::kind::duration, "3s", "how long the answer may take"}.at_least(0.001),
    app::option{"insecure", app::kind::flag, "false", "take any certificate"},
};

// What listens on every address is asked on the loopback one.
std::string default_address(app::role_context& context) {
  auto where = context.endpoint("operations");
  if (where.host == "0.0.0.0") where.host = "127.0.0.1";
  if (where.host == "::") where.host = "::1";
  const bool v6 = where.host.find(':') != std::string::npos;
  return "http://" + (v6 ? "[" + where.host + "]" : where.host) + ":" + std::to_string(where.port) + "/readyz";
}

// The address of a process alone means its readiness.
std::string with_path(const std::string& address) {
  const auto authority = address.find("://");
  if (authority == std::string::npos) return address;
  const auto end = std::min(address.find_first_of("/?#", authority + 3), address.size());
  const std::string_view rest = std::string_view(address).substr(end);
  return rest.empty() || rest == "/" ? address.substr(0, end) + "/readyz" : address;
}

awaitable<int> run(app::command_context& context, std::vector<std::string> words) {
  if (words.size() > 1) {
    std::cerr << "distsys: health takes one URL\n";
    co_return app::exit_usage;
  }
  const std::string address = words.empty() ? default_address(context) : with_path(words.front());
  const auto target = url::parse(address);
  const auto shown = target ? target->masked() : "health";
  const auto limit = runtime::steady_now() + context.duration("timeout");
  const auto answer = co_await app::probe(address, !context.flag("insecure"), limit);
  if (!answer) {
    std::cerr << shown << ": " << answer.error().what() << '\n';
    co_return answer.error() == errc::invalid ? app::exit_usage : app::exit_failed;
  }
  const bool healthy = answer->status >= 200 && answer->status < 300;
  (healthy ? std::cout : std::cerr) << shown << ": " << answer->status << '\n' << answer->body;
  co_return healthy ? app::exit_ok : app::exit_failed;
}

}  // namespace

const app::command_info health{
    .name = "health",
    .summary = "asks a running process whether it is ready; exit code 0 or 1",
    .usage = "[URL]",
    .options = options,
    .run = &run,
};

}  // namespace distsys::commands
