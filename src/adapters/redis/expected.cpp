#include "expected.hpp"

#include <algorithm>

namespace distsys::adapters::redis {
namespace {

bool is_value(const reply& r) noexcept {
  switch (r.type) {
    case reply::kind::nil:
    case reply::kind::bulk:
    case reply::kind::tombstone:
    case reply::kind::damaged:
    case reply::kind::too_large:
      return true;
    default:
      return false;
  }
}

}  // namespace

bool expected::fits(const reply& r, std::size_t index) const noexcept {
  if (r.type == reply::kind::error) return true;
  switch (shape_) {
    case shape::value:
      return is_value(r);
    case shape::values:
      return r.type == reply::kind::array && index * a_command_ < keys_ &&
             r.elements.size() == std::min(a_command_, keys_ - index * a_command_) &&
             std::ranges::all_of(r.elements, is_value);
    case shape::status_or_nil:
      if (r.type == reply::kind::nil) return true;
      [[fallthrough]];
    case shape::status:
      return r.type == reply::kind::status && r.text == status_;
    case shape::integer:
      return r.type == reply::kind::integer;
    case shape::text:
      return r.type == reply::kind::bulk;
  }
  return false;
}

}  // namespace distsys::adapters::redis
