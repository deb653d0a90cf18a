// The answer parser: any bytes, cut anywhere, kept or not, give one outcome, and never more body than input.
#include "src/net/http_answer_parser.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

namespace {

using distsys::net::http_answer_parser;
using step = http_answer_parser::step;

struct outcome {
  step state = step::need_more;
  std::size_t used = 0, body = 0;
  bool operator==(const outcome&) const = default;
};

outcome parse(std::string_view input, std::size_t piece, bool to_head, bool keep) {
  http_answer_parser p;
  p.start(to_head, keep);
  outcome out;
  std::size_t base = 0, at = 0, given = 0;
  bool in_body = false;
  for (;;) {
    while (!in_body) {
      out.state = p.parse_head(input.substr(base, given - base));
      if (out.state != step::complete) break;
      base += p.head_bytes();
      at = base;
      in_body = !p.interim();
      if (p.interim()) p.start_again();
    }
    if (in_body) {
      const auto [s, n] = p.parse_body(input.substr(at, given - at));
      at += n;
      out.state = s;
    }
    if (out.state != step::need_more || given == input.size()) break;
    given = std::min(input.size(), given + piece);
  }
  out.used = at;
  out.body = p.body_bytes();
  if (keep && p.kept_body().size() != out.body && out.state != step::too_large) std::abort();
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const bool to_head = (data[0] & 1) != 0;
  const bool keep = (data[0] & 2) != 0;  // the limit of a kept body makes it a different question
  const std::size_t piece = 1 + data[0] / 4;
  const outcome whole = parse(input, std::max<std::size_t>(input.size(), 1), to_head, keep);
  if (whole.used > input.size() || whole.body > input.size()) std::abort();
  const outcome cut = parse(input, piece, to_head, keep);
  if (!(whole == cut) && whole.state != step::corrupt && whole.state != step::too_large) std::abort();
  if (whole.state != cut.state) std::abort();
  return 0;
}
