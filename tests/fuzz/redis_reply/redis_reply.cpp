// What a server sends, in two ways of cutting it: the same replies, within the limits.
#include "reply_reader.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

namespace {

using namespace distsys::adapters::redis;

void describe(const reply& r, std::string& out) {
  out += std::to_string(static_cast<int>(r.type)) + ":" + std::to_string(r.number) + ":" + r.text + "(";
  for (const reply& e : r.elements) describe(e, out);
  out += ")";
}

/// The replies until the first error, as text.
std::string read(std::string_view bytes, std::size_t step) {
  reply_reader reader({.elements = 16, .depth = 2}, true);
  std::string seen;
  while (!bytes.empty()) {
    std::string_view part = bytes.substr(0, step);
    bytes.remove_prefix(part.size());
    for (;;) {
      auto one = reader.next(1u << 20);
      if (!one) return seen;
      if (*one) {
        describe(**one, seen);
        continue;
      }
      if (part.empty()) break;
      if (const auto room = reader.room(); !room.empty()) {  // as the connection does: past the reader's own buffer
        const std::size_t n = std::min(room.size(), part.size());
        std::copy_n(part.begin(), n, room.begin());
        reader.filled(n);
        part.remove_prefix(n);
        continue;
      }
      const auto used = reader.feed(part, 1u << 20);
      if (!used) return seen;
      part.remove_prefix(*used);
    }
  }
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::string whole = read(bytes, size), cut = read(bytes, 3);
  // What follows an error is lost, and where it is noticed depends on the cut.
  if (!whole.starts_with(cut) && !cut.starts_with(whole)) std::abort();
  return 0;
}
