#include "distsys/ports/first_words.hpp"

#include <utility>

namespace distsys::ports {

std::string first_words(std::string_view sql) {
  constexpr std::size_t longest = 48;
  std::string words;
  bool space = false;
  for (const char c : sql) {
    if (c == ' ' || c == '\n' || c == '\t' || c == '\r') {
      space = !words.empty();
      continue;
    }
    if (c == '(' && !words.empty()) break;
    if (words.size() >= longest) return words + "…";
    if (std::exchange(space, false)) words += ' ';
    words += c;
  }
  return words;
}

}  // namespace distsys::ports
