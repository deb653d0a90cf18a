// The lock that every process takes before it commits to a database file or checkpoints it.
#pragma once

#include "distsys/foundation/error.hpp"

#include <filesystem>

namespace distsys::adapters::sqlite {

/// An open file description lock on `<database>-lock`, fair between processes: whoever waits holds the turnstile, so
/// that a busy writer cannot take the lock again before it. One thread. Released by the kernel when a process dies.
///
/// Why it exists: SQLite before 3.51.3 can corrupt a write-ahead log when one process resets it while another commits.
class lock_file {
 public:
  explicit lock_file(std::filesystem::path path) : path_(std::move(path)) {}
  ~lock_file();
  lock_file(const lock_file&) = delete;
  lock_file& operator=(const lock_file&) = delete;

  /// True when held now; false when another has it: try again soon.
  result<bool> try_lock();
  /// Gives up waiting: leaves the turnstile.
  void give_up() noexcept;
  void unlock() noexcept;
  bool held() const noexcept { return held_; }

 private:
  enum class byte : long { lock = 0, turnstile = 1 };
  result<bool> set(byte which, short type) const;

  std::filesystem::path path_;
  int descriptor_ = -1;
  bool held_ = false, in_turnstile_ = false;
};

}  // namespace distsys::adapters::sqlite
