// A request with {key} in it, filled in anew each time.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace distsys::roles::loadgen {

inline constexpr std::string_view key_mark = "{key}";

class request_template {
 public:
  /// A request is: method, ' ', target, `headers` (from " HTTP/1.1" to the last header's CRLF), a Content-Length when
  /// `with_length`, an empty line, body. The mark is replaced in target and body.
  request_template(std::string_view method, std::string_view target, std::string_view headers, std::string_view body,
                   bool with_length);

  /// Replaces `out`.
  void fill(std::string_view key, std::string& out) const;

 private:
  std::vector<std::string> target_;  // the pieces between the marks
  std::vector<std::string> body_;
  std::string method_, headers_;
  bool with_length_;
};

}  // namespace distsys::roles::loadgen
