// A second process of the test's own executable, which runs one hidden test case: for what only another process shows.
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>

namespace distsys::tests {

/// What the case prints is read line by line. Destroyed: killed and waited for.
class child {
 public:
  /// `test` is a test specification ("[.writer]"); `environment` is added to that of this process.
  child(const std::string& test, const std::map<std::string, std::string>& environment);
  ~child();
  child(const child&) = delete;
  child& operator=(const child&) = delete;

  /// The next line that begins with "> ", without that; nothing at the end of the output.
  std::optional<std::string> next_line();
  void kill();
  /// Waits for its end; the exit status, or 128 + the signal.
  int wait();

 private:
  pid_t pid_ = -1;
  int output_ = -1;
  std::string buffer_;
};

}  // namespace distsys::tests
