#include "lock_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace distsys::adapters::sqlite {

lock_file::~lock_file() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

result<bool> lock_file::set(byte which, short type) const {
  struct flock range{};
  range.l_type = type;
  range.l_whence = SEEK_SET;
  range.l_start = static_cast<off_t>(which);
  range.l_len = 1;
  if (::fcntl(descriptor_, F_OFD_SETLK, &range) == 0) return true;
  if (errno == EAGAIN || errno == EACCES || errno == EINTR) return false;
  return error{errc::unavailable, "cannot lock " + path_.string() + ": " + std::strerror(errno)};
}

result<bool> lock_file::try_lock() {
  if (held_) return true;
  if (descriptor_ < 0) {
    descriptor_ = ::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
    if (descriptor_ < 0)
      return error{errno == ENOSPC ? errc::no_space : errc::unavailable,
                   "cannot open " + path_.string() + ": " + std::strerror(errno)};
  }
  if (!in_turnstile_) {
    auto entered = set(byte::turnstile, F_WRLCK);
    if (!entered || !*entered) return entered;
    in_turnstile_ = true;
  }
  auto locked = set(byte::lock, F_WRLCK);
  if (!locked || !*locked) return locked;
  held_ = true;
  give_up();
  return true;
}

void lock_file::give_up() noexcept {
  if (!in_turnstile_) return;
  (void)set(byte::turnstile, F_UNLCK);
  in_turnstile_ = false;
}

void lock_file::unlock() noexcept {
  if (!held_) return;
  (void)set(byte::lock, F_UNLCK);
  held_ = false;
}

}  // namespace distsys::adapters::sqlite
