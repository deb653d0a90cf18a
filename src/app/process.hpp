// What the process asks of the operating system before it begins, and systemd's notification protocol.
#pragma once

#include "distsys/foundation/error.hpp"

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace distsys::app {

/// Descriptors up to the hard limit, no SIGPIPE, files for the owner alone.
void prepare_process() noexcept;

/// Creates the directory (mode 0700) and proves that files can be made in it; the absolute path.
result<std::filesystem::path> make_data_dir(const std::string& path);

/// sd_notify(3) without libsystemd: the protocol is one datagram to $NOTIFY_SOCKET. Nothing happens without it.
class service_manager {
 public:
  service_manager();
  ~service_manager();
  service_manager(const service_manager&) = delete;
  service_manager& operator=(const service_manager&) = delete;

  bool present() const noexcept { return socket_ >= 0; }
  void notify(std::string_view state) noexcept;  // "READY=1\nSTATUS=…"
  /// How often WATCHDOG=1 is expected; nothing when the watchdog is off.
  std::optional<std::chrono::microseconds> watchdog() const noexcept { return watchdog_; }

 private:
  int socket_ = -1;
  std::string address_;  // a path, or abstract with a leading zero byte
  std::optional<std::chrono::microseconds> watchdog_;
};

}  // namespace distsys::app
