// The one error vocabulary of the program: every port, codec and protocol reports these codes and a text.
#pragma once

#include <boost/system/result.hpp>

#include <ostream>
#include <string>
#include <string_view>
#include <utility>

namespace distsys {

/// Why an operation failed. Drivers map their native codes to these; callers test these and nothing else.
enum class errc {
  not_found = 1,      // the named thing does not exist
  already_exists,     // a unique key is taken
  invalid,            // the input is wrong; repeating it cannot help
  too_large,          // over a size limit
  permission_denied,  // not allowed, or not authenticated
  unavailable,        // the other side cannot be reached or refuses work for now
  indeterminate,      // sent, but the outcome is unknown: re-read by key before repeating
  timeout,            // the deadline passed; nothing took effect unless said otherwise
  cancelled,          // the caller asked to stop; never logged
  overloaded,         // a queue or a limit of ours is full: try later
  no_space,           // disk, memory or quota is used up
  conflict,           // lost a race with another writer: read again, then repeat
  corrupt,            // stored or received data is damaged
  internal            // a bug, or an answer that no rule covers
};

/// The code's name as written in logs, metrics and problem documents ("not_found").
std::string_view name(errc code) noexcept;

/// A code and a text for people: what failed and where, never a secret.
struct error {
  errc code{};
  std::string detail;

  error() = default;                                                    // Boost 1.81's result::error() asks for it
  error(errc c, std::string d = {}) : code(c), detail(std::move(d)) {}  // NOLINT(google-explicit-constructor)

  /// "unavailable: connection refused (127.0.0.1:6379)"
  std::string what() const;

  friend bool operator==(const error& e, errc c) noexcept { return e.code == c; }
};

std::ostream& operator<<(std::ostream& out, errc code);
std::ostream& operator<<(std::ostream& out, const error& e);

/// value() on a failed result throws this: a bug, or a failure at start-up.
class failure : public std::exception {
 public:
  explicit failure(error e) : error_(std::move(e)), text_(error_.what()) {}
  const char* what() const noexcept override { return text_.c_str(); }
  const error& reason() const noexcept { return error_; }

 private:
  error error_;
  std::string text_;
};

[[noreturn]] void throw_exception_from_error(const error& e, const boost::source_location& where);

/// A T or an error.
template <class T = void>
using result = boost::system::result<T, error>;

}  // namespace distsys
