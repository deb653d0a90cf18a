// Any bytes as a request: the head in one piece and in many must give the same, what is accepted must be strict, and
// Boost.Beast's parser, a reader of other hands, must see the same fields in it.
#include "http_framing.hpp"

#include "distsys/foundation/text.hpp"
#include "http_target.hpp"

#include <boost/beast/http/message.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>

#include <cstdint>
#include <cstdlib>

using namespace distsys;
using namespace distsys::net;

namespace {

void require(bool good) {
  if (!good) std::abort();
}

struct found {
  head_scanner::state state;
  std::size_t size;
  int status;
};

found scan(std::string_view input, std::size_t piece, const head_limits& limits) {
  head_scanner s;
  auto state = head_scanner::state::more;
  for (std::size_t n = std::min(piece, input.size());; n = std::min(n + piece, input.size())) {
    state = s.scan(input.substr(0, n), limits);
    if (state != head_scanner::state::more || n == input.size()) break;
  }
  return {state, s.size(), s.error().status};
}

void check_accepted(std::string_view block, const request_head& head) {
  require(block.find('\0') == std::string_view::npos);
  int hosts = 0;
  for (const header_field& f : head.fields) {
    require(!f.name.empty() && f.name.find_first_of(" \t\r\n:") == std::string_view::npos);
    require(f.value.find_first_of("\r\n") == std::string_view::npos);
    hosts += equal_ignoring_case(f.name, "host") ? 1 : 0;
  }
  require(hosts == 1 || (!head.http11 && hosts == 0));
  require(!(head.chunked && head.content_length));
  require(!head.chunked || head.http11);
}

// Beast is laxer, never stricter, but for what it does not let through at all: bytes outside ASCII in a target, long
// heads, "OPTIONS *" and the like are left out.
void check_against_beast(std::string_view block, const request_head& head) {
  namespace http = boost::beast::http;
  if (block.starts_with("\r\n")) block.remove_prefix(2);
  for (const char c : head.target)
    if (static_cast<unsigned char>(c) >= 0x7f) return;
  http::request_parser<http::string_body> parser;
  parser.header_limit(1u << 20);
  parser.body_limit(boost::none);
  boost::system::error_code ec;
  parser.put(boost::asio::buffer(block.data(), block.size()), ec);
  if (ec && ec != http::error::need_more) return;
  require(parser.is_header_done());
  const auto& m = parser.get();
  require(std::string_view(m.target().data(), m.target().size()) == head.target);
  require(parser.chunked() == head.chunked);
  require(parser.content_length().has_value() == head.content_length.has_value());
  if (head.content_length) require(*parser.content_length() == *head.content_length);
  std::size_t n = 0;
  for (const auto& f : m) {
    n += 1;
    static_cast<void>(f);
  }
  require(n == head.fields.size());
}

std::string decode(std::string_view input, std::size_t piece, chunked_decoder::state& state) {
  constexpr std::size_t limit = 4096;
  chunked_decoder d(limit);
  std::string out;
  state = chunked_decoder::state::more;
  while (!input.empty() && state == chunked_decoder::state::more) {
    std::size_t consumed = 0;
    const std::string_view now = input.substr(0, piece);
    state = d.feed(now, out, consumed);
    require(consumed <= now.size());
    require(state != chunked_decoder::state::more || consumed == now.size());
    input.remove_prefix(consumed);
  }
  require(out.size() <= limit);
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::size_t piece = 1 + data[0] % 32;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  const head_limits limits{2048, 512, 16};

  const found whole = scan(input, input.size(), limits);
  const found cut = scan(input, piece, limits);
  if (cut.state == head_scanner::state::complete) require(whole.state == cut.state && whole.size == cut.size);
  if (whole.state == head_scanner::state::complete) {
    const std::string_view block = input.substr(0, whole.size);
    request_head head;
    if (!parse_head(block, limits, head)) {
      require(cut.state == head_scanner::state::complete);  // seen early or late, a fault is a fault
      check_accepted(block, head);
      check_against_beast(block, head);
      http_request request;
      request.method = head.method;
      request.target = head.target;
      path_scratch scratch;
      if (split_target(request, scratch) && request.path != "*") {
        require(request.path.starts_with('/'));
        require((std::string(request.path) + "/").find("/../") == std::string::npos);
      }
    }
  }
  auto whole_state = chunked_decoder::state::more;
  auto cut_state = whole_state;
  const std::string a = decode(input, input.size(), whole_state);
  const std::string b = decode(input, piece, cut_state);
  if (whole_state == chunked_decoder::state::complete) require(cut_state == whole_state && a == b);
  if (cut_state == chunked_decoder::state::complete) require(cut_state == whole_state);
  return 0;
}
