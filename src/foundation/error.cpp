#include "distsys/foundation/error.hpp"

namespace distsys {

std::string_view name(errc code) noexcept {
  switch (code) {
    case errc::not_found:
      return "not_found";
    case errc::already_exists:
      return "already_exists";
    case errc::invalid:
      return "invalid";
    case errc::too_large:
      return "too_large";
    case errc::permission_denied:
      return "permission_denied";
    case errc::unavailable:
      return "unavailable";
    case errc::indeterminate:
      return "indeterminate";
    case errc::timeout:
      return "timeout";
    case errc::cancelled:
      return "cancelled";
    case errc::overloaded:
      return "overloaded";
    case errc::no_space:
      return "no_space";
    case errc::conflict:
      return "conflict";
    case errc::corrupt:
      return "corrupt";
    case errc::internal:
      return "internal";
  }
  return "unknown";
}

std::string error::what() const {
  std::string text(name(code));
  if (!detail.empty()) text.append(": ").append(detail);
  return text;
}

std::ostream& operator<<(std::ostream& out, errc code) { return out << name(code); }
std::ostream& operator<<(std::ostream& out, const error& e) { return out << e.what(); }

void throw_exception_from_error(const error& e, const boost::source_location&) { throw failure(e); }

}  // namespace distsys
