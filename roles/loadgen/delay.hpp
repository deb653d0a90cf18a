// A span of time that is drawn: the gaps of arrivals, a user's thinking.
#pragma once

#include "distsys/foundation/error.hpp"
#include "distsys/runtime/random.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace distsys::roles::loadgen {

/// Seconds, never negative.
class delay {
 public:
  enum class shape : std::uint8_t { constant, uniform, exponential, normal };

  /// "2s" or "constant:2s", "uniform:1s-3s", "exponential:2s" (its mean), "normal:2s/500ms" (mean and deviation; what
  /// falls below 0 is drawn again). errc::invalid says what is wrong and lists the shapes.
  static result<delay> parse(std::string_view text);
  static bool is_shape(std::string_view name) noexcept;

  double draw(runtime::random& r) const noexcept;
  double mean() const noexcept;
  const std::string& text() const noexcept { return text_; }

 private:
  shape shape_ = shape::constant;
  double first_ = 0, second_ = 0;
  std::string text_;
};

}  // namespace distsys::roles::loadgen
