// What kind of reply each command has: another kind means that answers and questions are out of step.
#pragma once

#include "reply.hpp"

#include <cstddef>
#include <string_view>

namespace distsys::adapters::redis {

/// Of the replies to one call. An error reply always fits.
class expected {
 public:
  static constexpr expected value() { return expected(shape::value); }  // or nil
  /// Arrays of values for `keys` keys, `a_command` of them in each but the last.
  static constexpr expected values(std::size_t keys, std::size_t a_command) {
    return expected(shape::values, {}, keys, a_command);
  }
  static constexpr expected status(std::string_view text) { return expected(shape::status, text); }
  static constexpr expected status_or_nil(std::string_view text) { return expected(shape::status_or_nil, text); }
  static constexpr expected integer() { return expected(shape::integer); }
  static constexpr expected text() { return expected(shape::text); }  // of a stored number

  /// `index`: of the command in its call.
  bool fits(const reply& r, std::size_t index) const noexcept;

 private:
  enum class shape : std::uint8_t { value, values, status, status_or_nil, integer, text };
  constexpr explicit expected(shape s, std::string_view status = {}, std::size_t keys = 0, std::size_t a_command = 1)
      : shape_(s), status_(status), keys_(keys), a_command_(a_command) {}

  shape shape_;
  std::string_view status_;  // of a literal
  std::size_t keys_, a_command_;
};

}  // namespace distsys::adapters::redis
