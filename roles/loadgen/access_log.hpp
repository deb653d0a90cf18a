// An access log in the NCSA common or combined format, read for replaying.
#pragma once

#include "distsys/foundation/error.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace distsys::roles::loadgen {

/// What one line asked for.
struct logged_request {
  std::int64_t second = 0;  // Unix time
  std::string_view method;
  std::string_view target;  // path and query
};

/// `host ident user [10/Oct/2000:13:55:36 -0700] "GET /a HTTP/1.1" 200 2326 …`; a request without a version is
/// HTTP/0.9's. Views into the line. errc::invalid says what is wrong.
result<logged_request> parse_log_line(std::string_view line);

/// All of a log in the order of its times, each different request kept once.
struct access_log {
  struct entry {
    std::int64_t at_us;     // from the first entry, at speed 1
    std::uint32_t request;  // of `requests`
  };
  std::vector<entry> entries;
  std::vector<std::pair<std::string, std::string>> requests;  // method, target
  std::uint64_t bad_lines = 0;
  std::vector<std::string> complaints;  // of the first bad lines
};

/// Times have whole seconds: the requests of one second are spread evenly over it. Lines that cannot be replayed are
/// counted. errc::invalid when no line can; errc::too_large over 10,000,000 lines.
result<access_log> parse_access_log(std::string_view content, std::string_view name);

}  // namespace distsys::roles::loadgen
