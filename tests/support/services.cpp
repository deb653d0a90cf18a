#include "services.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <cstdlib>
#include <iostream>
#include <set>
#include <stdexcept>

namespace distsys::tests {
namespace {

std::string variable(const std::string& service, const char* what) {
  std::string name = "TEST_";
  for (const char c : service) name += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  const char* const value = std::getenv((name + "_" + what).c_str());
  return value ? value : "";
}

void say_skipped(const std::string& service) {
  static std::set<std::string> said;
  if (!said.insert(service).second) return;
  const std::string missing = variable(service, "MISSING");
  std::cout << "skipped: " << service << ": "
            << (missing.empty() ? "not started: run this by ctest or under tests/services/run" : missing) << std::endl;
}

void act(const std::string& action, const std::string& service) {
  std::string script = std::string(DISTSYS_SOURCE_DIR "/tests/services/") + service, word = action,
              folder = service_dir(service);
  char* words[] = {script.data(), word.data(), folder.data(), nullptr};
  posix_spawn_file_actions_t quietly;
  posix_spawn_file_actions_init(&quietly);
  posix_spawn_file_actions_addopen(&quietly, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t pid = 0;
  const bool runs = !folder.empty() && ::posix_spawn(&pid, script.c_str(), &quietly, nullptr, words, environ) == 0;
  posix_spawn_file_actions_destroy(&quietly);
  if (!runs) throw std::runtime_error("could not run " + script);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (status != 0) throw std::runtime_error(script + " " + action + " failed");
}

}  // namespace

std::optional<std::string> service_url(const std::string& service) {
  if (std::string url = variable(service, "URL"); !url.empty()) return url;
  say_skipped(service);
  return std::nullopt;
}

std::string service_dir(const std::string& service) { return variable(service, "DIR"); }
void kill_service(const std::string& service) { act("kill", service); }
void start_service(const std::string& service) { act("start", service); }

}  // namespace distsys::tests
