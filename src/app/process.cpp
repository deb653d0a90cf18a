#include "src/app/process.hpp"

#include "distsys/foundation/log.hpp"
#include "distsys/foundation/text.hpp"

#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <system_error>

namespace distsys::app {
namespace {

std::optional<std::chrono::microseconds> watchdog_interval() {
  const char* text = std::getenv("WATCHDOG_USEC");
  if (text == nullptr) return std::nullopt;
  if (const char* pid = std::getenv("WATCHDOG_PID"); pid != nullptr && std::to_string(::getpid()) != pid)
    return std::nullopt;
  const auto us = parse_integer(text);
  if (!us || *us <= 0) return std::nullopt;
  return std::chrono::microseconds(*us);
}

}  // namespace

void prepare_process() noexcept {
  std::signal(SIGPIPE, SIG_IGN);
  ::umask(077);
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  if (::setrlimit(RLIMIT_NOFILE, &limit) != 0)
    log::warn("the limit of open files cannot be raised", {{"reason", std::strerror(errno)}});
}

result<std::filesystem::path> make_data_dir(const std::string& path) {
  const auto refuse = [&](const std::string& why) {
    return error{errc::permission_denied, "data-dir '" + path + "': " + why};
  };
  if (path.empty()) return error{errc::invalid, "data-dir is empty"};
  std::error_code failed;
  const auto whole = std::filesystem::absolute(path, failed);
  if (failed) return refuse(failed.message());
  const bool existed = std::filesystem::exists(whole, failed);
  if (!existed) std::filesystem::create_directories(whole, failed);
  if (failed) return refuse("cannot be created: " + failed.message());
  if (!std::filesystem::is_directory(whole, failed)) return refuse("is not a directory");
  if (!existed) ::chmod(whole.c_str(), 0700);
  if (::access(whole.c_str(), R_OK | W_OK | X_OK) != 0)
    return refuse(std::string("files cannot be made in it: ") + std::strerror(errno));
  return whole;
}

service_manager::service_manager() {
  const char* path = std::getenv("NOTIFY_SOCKET");
  if (path == nullptr || (path[0] != '/' && path[0] != '@') || std::strlen(path) >= sizeof(sockaddr_un::sun_path))
    return;
  address_ = path;
  if (address_.front() == '@') address_.front() = '\0';
  socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  watchdog_ = watchdog_interval();
}

service_manager::~service_manager() {
  if (socket_ >= 0) ::close(socket_);
}

void service_manager::notify(std::string_view state) noexcept {
  if (socket_ < 0) return;
  sockaddr_un to{};
  to.sun_family = AF_UNIX;
  std::memcpy(to.sun_path, address_.data(), address_.size());
  // A path ends with a zero byte; an abstract name is exactly as long as it is.
  const auto length = offsetof(sockaddr_un, sun_path) + address_.size() + (address_.front() == '\0' ? 0 : 1);
  (void)::sendto(socket_, state.data(), state.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
                 reinterpret_cast<const sockaddr*>(&to), static_cast<socklen_t>(length));
}

}  // namespace distsys::app
