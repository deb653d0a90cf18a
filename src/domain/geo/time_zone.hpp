// A place's time of day, by the system's zoneinfo files (RFC 9636), which this compiler's library does not read.
#pragma once

#include "distsys/domain/geo/event.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace distsys::domain::geo::codec {

/// Immutable.
class time_zone {
 public:
  time_zone() = default;  // UTC
  explicit time_zone(std::chrono::minutes offset) : first_(offset) {}

  /// The zone of a name such as "America/Santiago": $TZDIR or /usr/share/zoneinfo. Blocks. errc::invalid for what is no
  /// name or no zone file.
  static result<time_zone> load(std::string_view name);
  /// A zone file's bytes, which are not trusted. errc::corrupt.
  static result<time_zone> parse(std::string_view bytes);

  /// The hour that comes twice is its second coming; one that never comes is as if the clock had not been changed.
  timestamp to_utc(timestamp local) const noexcept;

 private:
  using seconds = std::chrono::seconds;
  struct change {
    std::chrono::sys_seconds at;
    seconds offset;
  };
  /// The day of a year on which the clock is changed: the `week`th (5: the last) `weekday` of a month.
  struct turn {
    int month = 1, week = 1, weekday = 0;
    seconds at{7200};  // local time of day; may be of another day
  };
  struct rule {
    seconds standard{0}, summer{0};
    turn begins, ends;  // of summer
  };
  static std::optional<rule> parse_rule(std::string_view text, seconds& standard);
  static std::optional<turn> parse_turn(std::string_view text);
  static std::chrono::sys_seconds moment(const turn& t, std::chrono::year y, seconds offset);
  seconds offset_at(std::chrono::sys_seconds t) const noexcept;

  seconds first_{0};             // before the changes
  std::vector<change> changes_;  // ascending
  std::optional<rule> after_;    // the changes; none: the last one's offset for good
};

}  // namespace distsys::domain::geo::codec
