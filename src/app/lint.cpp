#include "src/app/lint.hpp"

#include "src/app/context.hpp"
#include "src/app/process.hpp"
#include "src/app/root_task.hpp"

#include <cstdio>
#include <cstdlib>
#include <iostream>

namespace distsys::app {
namespace {

using namespace std::chrono_literals;

/// A directory that vanishes.
class scratch {
 public:
  scratch() {
    std::string pattern = (std::filesystem::temp_directory_path() / "distsys-check-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr)
      throw std::runtime_error("no directory can be made in " + std::filesystem::temp_directory_path().string());
    path_ = pattern;
  }
  ~scratch() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  scratch(const scratch&) = delete;
  scratch& operator=(const scratch&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

/// Returns what the drivers and the roles refused.
std::vector<error> open_everything(const configuration& c, shared_state& shared) {
  std::vector<error> failed;
  live_settings process(c.process);
  for (const auto& role : c.roles) {
    live_settings own(role);
    context ctx(own, process, shared);
    for (auto& e : ctx.open_all()) failed.push_back(std::move(e));
    const auto* info = role.of().role;
    if (!c.roles_given || info->check == nullptr) continue;  // nobody was told to run
    if (const auto ok = info->check(ctx); !ok)
      failed.push_back({ok.error().code, "--role=" + std::string(info->name) + ": " + ok.error().detail});
  }
  return failed;
}

std::string summary(const configuration& c, const backends& opened) {
  std::string out = "the configuration is good: ";
  for (const auto& role : c.roles) out.append(&role == &c.roles.front() ? "" : ", ").append(role.of().name);
  const auto count = opened.all().size();
  return out + "; " + std::to_string(count) + (count == 1 ? " backend\n" : " backends\n");
}

int report(const std::vector<error>& failed) {
  for (const auto& e : failed) std::cerr << "distsys: " << e.detail << '\n';
  return exit_config;
}

awaitable<int> close_all(backends& opened) {
  co_await opened.close();
  co_return exit_ok;
}

awaitable<int> ping_all(backends& opened) {
  int code = exit_ok;
  std::printf("%-12s %-40s %-10s %s\n", "PORT", "ADDRESS", "STATE", "USED BY");
  for (const auto* b : opened.all()) {
    std::string users;
    for (const auto& u : b->users) users += (users.empty() ? "" : ", ") + u;
    const bool ours = b->port != kind::url_http_client;  // the world's servers are not asked
    const auto started = runtime::steady_now();
    const auto outcome = co_await ping(*b, ports::call_context::within(5s));
    const std::chrono::duration<double, std::milli> took = runtime::steady_now() - started;
    char state[32];
    std::snprintf(state, sizeof state, "%.1f ms", took.count());
    std::printf("%-12s %-40s %-10s %s\n", std::string(port_name(b->port)).c_str(), b->address.c_str(),
                !outcome ? (b->needed ? "FAILED" : "DEGRADED")
                : ours   ? state
                         : "-",
                users.c_str());
    if (outcome) continue;
    std::printf("%-12s   %s\n", "", outcome.error().what().c_str());
    if (b->needed) code = exit_unavailable;  // the others are done without, worse
  }
  co_await opened.close();
  co_return code;
}

}  // namespace

int check_configuration(const schema& keys, const configuration& c) {
  const scratch place;
  runtime::runtime loops(1);
  backends opened(keys.drivers(), {loops, place.path()});
  shared_state shared{loops, place.path(), opened, {}, {}};
  const auto failed = open_everything(c, shared);
  const auto text = summary(c, opened);
  run_root(loops, close_all(opened));
  if (!failed.empty()) return report(failed);
  std::cout << text;
  return exit_ok;
}

int check_connections(const schema& keys, const configuration& c) {
  const auto data_dir = make_data_dir(c.process.find("data-dir")->texts.front());
  if (!data_dir) return report({data_dir.error()});
  runtime::runtime loops(1);
  backends opened(keys.drivers(), {loops, *data_dir});
  shared_state shared{loops, *data_dir, opened, {}, {}};
  const auto failed = open_everything(c, shared);
  const int code = run_root(loops, ping_all(opened));
  std::fflush(stdout);
  return failed.empty() ? code : report(failed);
}

}  // namespace distsys::app
