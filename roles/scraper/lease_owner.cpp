#include "lease_owner.hpp"

#include "distsys/foundation/text.hpp"
#include "distsys/runtime/random.hpp"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <vector>

namespace distsys::roles::scraper {
namespace {

std::string contents(const std::string& file) {
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
}

/// When a process started, in clock ticks since boot: field 22 of /proc/PID/stat (proc(5)); "gone" of a zombie, which
/// does nothing any more; empty: it cannot be read.
std::string start_of(std::string_view pid) {
  const std::string stat = contents("/proc/" + std::string(pid) + "/stat");
  const auto close = stat.rfind(')');  // the name before it may hold anything
  if (close == std::string::npos || close + 2 >= stat.size()) return {};
  const auto fields = split(std::string_view(stat).substr(close + 2), ' ');  // from field 3, the state
  if (fields.size() < 20) return {};
  if (fields[0] == "Z" || fields[0] == "X") return "gone";
  return std::string(fields[19]);
}

/// Names this boot and this namespace of process numbers; empty: unknown.
std::string world() {
  const std::string boot(trim(contents("/proc/sys/kernel/random/boot_id")));
  struct stat about{};
  if (boot.size() < 8 || ::stat("/proc/self/ns/pid", &about) != 0) return {};
  return boot.substr(0, 8) + "." + std::to_string(about.st_ino);
}

}  // namespace

std::string make_lease_owner() {
  std::array<char, 64> host{};
  if (::gethostname(host.data(), host.size() - 1) != 0) host[0] = '\0';
  std::string name;
  for (const char c : std::string_view(host.data()))
    name += (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ? c : '_';
  const std::string pid = std::to_string(::getpid());
  return name + "-" + pid + "-" + start_of(pid) + "-" + world() + "-" + runtime::random_hex(4);
}

bool is_dead(std::string_view owner) {
  const auto parts = split(owner, '-');
  if (parts.size() != 5 || parts[2].empty() || parts[3].empty() || parts[3] != world()) return false;
  const auto pid = parse_integer(parts[1]);
  if (!pid || *pid <= 1) return false;
  if (::kill(static_cast<pid_t>(*pid), 0) != 0 && errno == ESRCH) return true;
  const std::string start = start_of(parts[1]);  // another process may have its number by now
  return !start.empty() && start != parts[2];
}

}  // namespace distsys::roles::scraper
