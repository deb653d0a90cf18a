// The ways in which feeds write times: RFC 3339, Unix time, or a pattern as of strptime(). For the mapped codec.
#pragma once

#include "distsys/domain/geo/event.hpp"
#include "time_zone.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace distsys::domain::geo::codec {

/// strptime(3) itself depends on the process's locale, takes no fractions and stops without saying at what; only what
/// can be checked when the mapping is read is understood here.
class time_pattern {
 public:
  time_pattern() = default;  // RFC 3339
  /// `format`: "rfc3339", "unix_s", "unix_ms", or a pattern of %Y %y %m %d %e %b %B %h %a %A %H %I %p %M %S %f %z %F %T
  /// %R %n %t %% and other text; a space stands for any white space. `zone`, for patterns without %z: "UTC", "Z",
  /// "+05:30", "-0400" or a name such as "America/Santiago" (time_zone.hpp); empty: UTC. errc::invalid says what is
  /// expected. Blocks when a zone is named.
  static result<time_pattern> parse(std::string_view format, std::string_view zone = {});

  /// A number, or the text of one, for Unix times; text for the others. Nothing when it is not a time of the years
  /// 0001 … 9999.
  std::optional<timestamp> read(const json::value& v) const;

 private:
  enum class form { rfc3339, unix_s, unix_ms, pattern };
  std::optional<timestamp> read_pattern(std::string_view text) const;

  form form_ = form::rfc3339;
  std::string pattern_;  // without %F, %T, %R
  time_zone zone_;
};

}  // namespace distsys::domain::geo::codec
