#include "distsys/foundation/html.hpp"

#include "distsys/foundation/json.hpp"

namespace distsys {

std::string escape_html(std::string_view text) {
  std::string quoted, out;
  json::append_string(quoted, text);  // makes UTF-8 of what is none
  const auto clean = json::parse(quoted);
  if (!clean || !clean->is_string()) return out;
  for (const char c : clean->get_string()) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      case '\'':
        out += "&#39;";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20 && c != '\n' && c != '\t') {
          out += "\xef\xbf\xbd";
        } else {
          out += c;
        }
    }
  }
  return out;
}

}  // namespace distsys
