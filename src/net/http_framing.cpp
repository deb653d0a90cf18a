#include "http_framing.hpp"

#include "distsys/foundation/text.hpp"

#include <algorithm>
#include <cstring>

namespace distsys::net {
namespace {

constexpr std::size_t max_chunk_line = 1024;           // a size and its extensions
constexpr std::size_t max_chunk_overhead = 16u << 10;  // extensions and trailers of a whole body

using table = std::array<bool, 256>;

constexpr table make_token() {
  table t{};
  for (int c = '0'; c <= '9'; ++c) t[static_cast<std::size_t>(c)] = true;
  for (int c = 'a'; c <= 'z'; ++c) t[static_cast<std::size_t>(c)] = t[static_cast<std::size_t>(c - 32)] = true;
  for (const char c : {'!', '#', '$', '%', '&', '\'', '*', '+', '-', '.', '^', '_', '`', '|', '~'})
    t[static_cast<unsigned char>(c)] = true;
  return t;
}
constexpr table make_value() {
  table t{};
  for (std::size_t c = 0x20; c < 256; ++c) t[c] = c != 0x7f;
  t['\t'] = true;
  return t;
}
constexpr table make_target() {
  table t{};
  for (std::size_t c = 0x21; c < 256; ++c) t[c] = c != 0x7f && c != '#';
  return t;
}
constexpr table make_host() {  // RFC 3986 reg-name, IP-literal and port, without what could hide a second authority
  table t{};
  for (int c = '0'; c <= '9'; ++c) t[static_cast<std::size_t>(c)] = true;
  for (int c = 'a'; c <= 'z'; ++c) t[static_cast<std::size_t>(c)] = t[static_cast<std::size_t>(c - 32)] = true;
  for (const char c : {'-', '.', '_', '~', '%', '!', '$', '&', '\'', '(', ')', '*', '+', ';', '=', ':', '[', ']'})
    t[static_cast<unsigned char>(c)] = true;
  return t;
}
constexpr table token_char = make_token();
constexpr table value_char = make_value();
constexpr table target_char = make_target();
constexpr table host_char = make_host();

bool all(std::string_view text, const table& allowed) noexcept {
  return std::all_of(text.begin(), text.end(), [&](char c) { return allowed[static_cast<unsigned char>(c)]; });
}

std::string_view trim_blanks(std::string_view s) noexcept {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t')) s.remove_suffix(1);
  return s;
}

struct known_name {
  std::string_view name;
  known_field field;
};

// By length first: an unknown field costs one comparison of lengths.
known_field which(std::string_view name) noexcept {
  static constexpr known_name names[] = {{"host", known_field::host},
                                         {"expect", known_field::expect},
                                         {"origin", known_field::origin},
                                         {"connection", known_field::connection},
                                         {"traceparent", known_field::traceparent},
                                         {"x-request-id", known_field::request_id},
                                         {"if-none-match", known_field::if_none_match},
                                         {"content-length", known_field::content_length},
                                         {"accept-encoding", known_field::accept_encoding},
                                         {"x-forwarded-for", known_field::forwarded_for},
                                         {"transfer-encoding", known_field::transfer_encoding},
                                         {"x-forwarded-proto", known_field::forwarded_proto},
                                         {"access-control-request-method", known_field::request_method}};
  for (const known_name& k : names)
    if (k.name.size() == name.size() && equal_ignoring_case(k.name, name)) return k.field;
  return known_field::none;
}

method which_method(std::string_view m) noexcept {
  if (m == "GET") return method::get;
  if (m == "HEAD") return method::head;
  if (m == "POST") return method::post;
  if (m == "PUT") return method::put;
  if (m == "PATCH") return method::patch;
  if (m == "DELETE") return method::del;
  if (m == "OPTIONS") return method::options;
  return method::other;
}

framing_error check_target(const request_head& head) noexcept {
  const std::string_view t = head.target;
  if (!all(t, target_char)) return {400, "the request target holds a character that a URL cannot hold"};
  if (t.front() == '/') return {};
  if (t == "*") {
    if (head.method == method::options) return {};
    return {400, "the request target * is for OPTIONS only"};
  }
  const std::size_t scheme = t.find("://");
  if (scheme == std::string_view::npos) return {400, "the request target is not a path"};
  if (!equal_ignoring_case(t.substr(0, scheme), "http") && !equal_ignoring_case(t.substr(0, scheme), "https"))
    return {400, "the request target's scheme is not http or https"};
  const std::string_view authority = t.substr(scheme + 3, t.find_first_of("/?", scheme + 3) - scheme - 3);
  if (authority.empty() || !all(authority, host_char)) return {400, "the request target's authority is malformed"};
  return {};
}

framing_error parse_request_line(std::string_view line, const head_limits& limits, request_head& out) noexcept {
  const std::size_t first = line.find(' ');
  if (first == std::string_view::npos) return {400, "the request line has no target"};
  const std::string_view verb = line.substr(0, first);
  if (verb.empty() || verb.size() > 32 || !all(verb, token_char)) return {400, "the method is malformed"};
  const std::size_t second = line.find(' ', first + 1);
  if (second == std::string_view::npos) return {400, "the request line has no version"};
  out.method = which_method(verb);
  out.target = line.substr(first + 1, second - first - 1);
  const std::string_view version = line.substr(second + 1);
  if (out.target.empty()) return {400, "the request target is empty"};
  if (out.target.size() > limits.max_target) return {414, "the request target is too long"};
  const auto digit = [](char c) { return c >= '0' && c <= '9'; };
  if (version.size() != 8 || !version.starts_with("HTTP/") || !digit(version[5]) || version[6] != '.' ||
      !digit(version[7]))
    return {400, "the request line is malformed"};
  if (version[5] != '1' || version[7] > '1') return {505, "only HTTP/1.1 and HTTP/1.0 are spoken here"};
  out.http11 = version[7] == '1';
  return check_target(out);
}

framing_error parse_length(std::string_view text, request_head& out) noexcept {
  if (text.empty() || text.size() > 18) return {400, "Content-Length is not a number"};
  std::uint64_t n = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return {400, "Content-Length is not a number"};
    n = n * 10 + static_cast<std::uint64_t>(c - '0');
  }
  out.content_length = n;
  return {};
}

// RFC 9112 6.1: the last coding must be chunked, once; an encoding before it is understood and not supported.
framing_error parse_codings(std::string_view list, request_head& out) noexcept {
  bool other = false;
  while (const auto coding = next_element(list)) {
    if (out.chunked) return {400, "chunked is not the last transfer coding"};
    if (equal_ignoring_case(*coding, "chunked"))
      out.chunked = true;
    else
      other = true;
  }
  if (!out.chunked) return {400, "the last transfer coding is not chunked"};
  if (other) return {501, "only the chunked transfer coding is supported"};
  return {};
}

framing_error parse_field(std::string_view line, request_head& out) {
  if (line.front() == ' ' || line.front() == '\t') return {400, "a header field is folded over two lines"};
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return {400, "a header line has no colon"};
  const std::string_view name = line.substr(0, colon);
  if (name.empty() || !all(name, token_char)) return {400, "a header field's name is malformed"};
  const std::string_view value = trim_blanks(line.substr(colon + 1));
  if (!all(value, value_char)) return {400, "a header field holds a control character"};
  out.fields.push_back({name, value});
  const known_field k = which(name);
  if (k == known_field::none) return {};
  std::string_view& slot = out.known[static_cast<std::size_t>(k)];
  if (slot.data() != nullptr) {
    if (k == known_field::host) return {400, "two Host fields"};
    if (k == known_field::content_length) return {400, "two Content-Length fields"};
    if (k == known_field::transfer_encoding) return {400, "two Transfer-Encoding fields"};
    if (k != known_field::connection) return {};  // the first counts; lists of others are read from `fields`
  }
  if (slot.data() == nullptr) slot = value.data() != nullptr ? value : std::string_view("");
  if (k == known_field::content_length) return parse_length(value, out);
  if (k == known_field::transfer_encoding) return parse_codings(value, out);
  if (k == known_field::connection) {
    std::string_view options = value;
    while (const auto option = next_element(options)) {
      if (equal_ignoring_case(*option, "close")) out.keep_alive = false;
      if (!out.http11 && equal_ignoring_case(*option, "keep-alive")) out.keep_alive = true;
    }
  }
  return {};
}

framing_error check_whole(request_head& out) noexcept {
  if (out.has(known_field::transfer_encoding)) {
    if (out.content_length) return {400, "both Transfer-Encoding and Content-Length"};
    if (!out.http11) return {400, "Transfer-Encoding in HTTP/1.0"};
  }
  if (out.has(known_field::host)) {
    if (out[known_field::host].empty() || !all(out[known_field::host], host_char)) return {400, "Host is malformed"};
  } else if (out.http11) {
    return {400, "no Host field"};
  }
  if (out.has(known_field::expect)) {
    if (!equal_ignoring_case(out[known_field::expect], "100-continue")) return {417, "an expectation that is not met"};
    out.expect_continue = out.http11;  // RFC 9110 10.1.1: ignored in HTTP/1.0
  }
  return {};
}

}  // namespace

std::optional<std::string_view> next_element(std::string_view& list) noexcept {
  if (list.data() == nullptr) return std::nullopt;
  const std::size_t comma = list.find(',');
  const std::string_view element = trim_blanks(list.substr(0, comma));
  list = comma == std::string_view::npos ? std::string_view{} : list.substr(comma + 1);
  return element;
}

head_scanner::state head_scanner::refuse(int status, std::string_view why) noexcept {
  error_ = {status, why};
  return state::bad;
}

head_scanner::state head_scanner::scan(std::string_view bytes, const head_limits& limits) noexcept {
  while (line_ < bytes.size()) {
    const void* found = std::memchr(bytes.data() + line_, '\n', bytes.size() - line_);
    if (found == nullptr) break;
    const auto end = static_cast<std::size_t>(static_cast<const char*>(found) - bytes.data());
    if (end == line_ || bytes[end - 1] != '\r') return refuse(400, "a line ends in a bare line feed");
    const bool empty = end == line_ + 1;
    line_ = end + 1;
    if (empty && in_fields_)
      return line_ - first_ > limits.max_bytes ? refuse(431, "the header is too large") : state::complete;
    if (!empty) {
      if (!in_fields_ && line_ - first_ > limits.max_target + 48) return refuse(414, "the request target is too long");
      in_fields_ = true;
      continue;
    }
    // RFC 9112 2.2: an empty line before the request line is skipped, once.
    if (first_ != 0) return refuse(400, "empty lines before the request line");
    first_ = line_;
  }
  const std::string_view rest = bytes.substr(line_);
  if (!in_fields_ && rest.size() > limits.max_target + 48) return refuse(414, "the request target is too long");
  if (bytes.size() - first_ > limits.max_bytes) return refuse(431, "the header is too large");
  // Only the unfinished line: seen here at once, not when the header deadline passes.
  for (std::size_t i = 0; i < rest.size(); ++i) {
    if (rest[i] == '\0') return refuse(400, "a NUL in the header");
    if (rest[i] == '\r' && i + 1 < rest.size() && rest[i + 1] != '\n') return refuse(400, "a bare carriage return");
  }
  return state::more;
}

framing_error parse_head(std::string_view block, const head_limits& limits, request_head& out) {
  out.keep_alive = true;
  out.chunked = out.expect_continue = false;
  out.content_length.reset();
  out.fields.clear();
  out.known.fill({});
  if (block.starts_with("\r\n")) block.remove_prefix(2);
  std::size_t end = block.find("\r\n");
  if (end == std::string_view::npos) return {400, "the request line does not end"};
  if (const framing_error e = parse_request_line(block.substr(0, end), limits, out)) return e;
  out.keep_alive = out.http11;
  for (block.remove_prefix(end + 2);; block.remove_prefix(end + 2)) {
    end = block.find("\r\n");
    if (end == std::string_view::npos) return {400, "the header does not end"};
    if (end == 0) break;
    if (out.fields.size() >= limits.max_fields) return {431, "too many header fields"};
    if (const framing_error e = parse_field(block.substr(0, end), out)) return e;
  }
  return check_whole(out);
}

chunked_decoder::state chunked_decoder::refuse(int status, std::string_view why) noexcept {
  error_ = {status, why};
  return state::bad;
}

bool chunked_decoder::take_size(const std::string& out) {
  std::size_t digits = 0;
  std::uint64_t size = 0;
  for (; digits < line_.size(); ++digits) {
    const char c = line_[digits];
    int v = 0;
    if (c >= '0' && c <= '9')
      v = c - '0';
    else if (c >= 'a' && c <= 'f')
      v = c - 'a' + 10;
    else if (c >= 'A' && c <= 'F')
      v = c - 'A' + 10;
    else
      break;
    if (digits >= 15) return refuse(400, "a chunk size is too long"), false;
    size = size * 16 + static_cast<std::uint64_t>(v);
  }
  if (digits == 0) return refuse(400, "a chunk size is not a number"), false;
  const std::string_view extension = std::string_view(line_).substr(digits);
  if (!extension.empty() && (extension.front() != ';' || !all(extension, value_char)))
    return refuse(400, "a chunk extension is malformed"), false;
  overhead_ += extension.size();
  if (size > max_body_ - out.size()) return refuse(413, "the body is too large"), false;
  left_ = size;
  expecting_ = size == 0 ? expecting::trailer : expecting::data;
  return true;
}

bool chunked_decoder::take_trailer() {
  if (line_.empty()) {
    complete_ = true;
    return true;
  }
  const std::size_t colon = line_.find(':');
  const std::string_view name = std::string_view(line_).substr(0, colon);
  if (colon == std::string::npos || name.empty() || !all(name, token_char) ||
      !all(std::string_view(line_).substr(colon), value_char))
    return refuse(400, "a trailer field is malformed"), false;
  const known_field k = which(name);
  if (k == known_field::content_length || k == known_field::transfer_encoding || k == known_field::host)
    return refuse(400, "a trailer field speaks of framing"), false;
  overhead_ += line_.size() + 2;
  return true;
}

bool chunked_decoder::end_of_line(const std::string& out) {
  if (line_.empty() || line_.back() != '\r') return refuse(400, "a bare line feed in a chunked body"), false;
  line_.pop_back();
  if (line_.find('\r') != std::string::npos) return refuse(400, "a bare carriage return in a chunked body"), false;
  bool good = true;
  if (expecting_ == expecting::data_end) {
    if (!line_.empty()) return refuse(400, "a chunk is longer than its size"), false;
    expecting_ = expecting::size;
  } else {
    good = expecting_ == expecting::size ? take_size(out) : take_trailer();
  }
  line_.clear();
  if (good && overhead_ > max_chunk_overhead) return refuse(400, "too many chunk extensions or trailers"), false;
  return good;
}

chunked_decoder::state chunked_decoder::feed(std::string_view bytes, std::string& out, std::size_t& consumed) {
  consumed = 0;
  while (!complete_ && consumed < bytes.size()) {
    const std::string_view rest = bytes.substr(consumed);
    if (expecting_ == expecting::data) {
      const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(left_, rest.size()));
      out.append(rest.substr(0, n));
      consumed += n;
      left_ -= n;
      if (left_ == 0) expecting_ = expecting::data_end;
      continue;
    }
    const std::size_t end = rest.find('\n');
    const std::size_t n = std::min(end, rest.size());
    const std::size_t limit = expecting_ == expecting::data_end ? 1 : max_chunk_line;
    if (line_.size() + n > limit)
      return expecting_ == expecting::data_end ? refuse(400, "a chunk is longer than its size")
                                               : refuse(400, "a chunk's size line or trailer is too long");
    line_.append(rest.substr(0, n));
    consumed += n;
    if (end == std::string_view::npos) {
      // "0\rX" is wrong already; do not wait for a line feed that may never come.
      const std::size_t cr = line_.find('\r');
      if (cr != std::string::npos && cr + 1 < line_.size()) return refuse(400, "a bare carriage return");
      break;
    }
    ++consumed;
    if (!end_of_line(out)) return state::bad;
  }
  return complete_ ? state::complete : state::more;
}

}  // namespace distsys::net
