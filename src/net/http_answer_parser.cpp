#include "http_answer_parser.hpp"

#include "distsys/foundation/text.hpp"

#include <algorithm>
#include <cstring>
#include <limits>

namespace distsys::net {
namespace {

constexpr std::size_t none = std::string_view::npos;

// memchr, because std::string_view::find(char) is it too, but through more checks than a hot loop wants.
std::size_t find_byte(std::string_view text, char c, std::size_t from) noexcept {
  if (from >= text.size()) return none;
  const void* found = std::memchr(text.data() + from, c, text.size() - from);
  return found == nullptr ? none : static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
}

std::string_view trimmed(std::string_view text) noexcept {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

template <class Each>
void each_element(std::string_view list, Each each) {
  while (!list.empty()) {
    const std::size_t comma = std::min(list.find(','), list.size());
    const std::string_view element = trimmed(list.substr(0, comma));
    if (!element.empty()) each(element);
    list.remove_prefix(std::min(comma + 1, list.size()));
  }
}

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  const char l = static_cast<char>(c | 0x20);
  return l >= 'a' && l <= 'f' ? l - 'a' + 10 : -1;
}

bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

}  // namespace

void http_answer_parser::start(bool answer_to_head, bool keep_body) noexcept {
  kept_.clear();
  why_ = {};
  line_ = searched_ = body_bytes_ = line_bytes_ = 0;
  left_ = 0;
  status_ = 0;
  framing_ = framing::none;
  chunk_ = chunk::size_first;
  to_head_ = answer_to_head;
  keep_body_ = keep_body;
  old_version_ = says_close_ = says_keep_alive_ = has_length_ = has_encoding_ = last_is_chunked_ = false;
  last_line_frames_ = false;
  keep_alive_ = true;
}

http_answer_parser::step http_answer_parser::refuse(std::string_view why) noexcept {
  why_ = why;
  return step::corrupt;
}

http_answer_parser::step http_answer_parser::parse_head(std::string_view input) {
  for (;;) {
    const std::size_t feed = find_byte(input, '\n', searched_);
    if (feed == none) {
      searched_ = input.size();
      constexpr std::string_view prefix = "HTTP/1.";
      if (status_ == 0 && !input.starts_with(prefix.substr(0, std::min(prefix.size(), input.size()))))
        return refuse("it does not begin with HTTP/1.");
      return input.size() >= max_head_bytes ? step::too_large : step::need_more;
    }
    if (feed >= max_head_bytes) return step::too_large;
    std::string_view line = input.substr(line_, feed - line_);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);  // a lone LF may end a line: RFC 9112, 2.2
    line_ = searched_ = feed + 1;
    step s = step::need_more;
    if (status_ == 0) {
      s = status_line(line);
    } else if (line.empty()) {
      if (std::memchr(input.data(), '\0', line_) != nullptr) return refuse("a NUL in the head");
      return end_of_head();
    } else {
      s = header_line(line);
    }
    if (s != step::need_more) return s;
  }
}

http_answer_parser::step http_answer_parser::status_line(std::string_view line) noexcept {
  if (line.size() < 12 || !line.starts_with("HTTP/1.") || !is_digit(line[7]) || line[8] != ' ' || !is_digit(line[9]) ||
      !is_digit(line[10]) || !is_digit(line[11]) || (line.size() > 12 && line[12] != ' '))
    return refuse("not a status line");
  old_version_ = line[7] == '0';
  status_ = (line[9] - '0') * 100 + (line[10] - '0') * 10 + (line[11] - '0');
  if (status_ < 100) return refuse("a status below 100");
  if (status_ == 101) return refuse("101 without an upgrade");
  return step::need_more;
}

http_answer_parser::step http_answer_parser::header_line(std::string_view line) noexcept {
  if (line[0] == ' ' || line[0] == '\t') return last_line_frames_ ? refuse("a folded framing header") : step::need_more;
  const std::size_t colon = find_byte(line, ':', 0);
  if (colon == none || colon == 0) return refuse("a header line without a name");
  if (line[colon - 1] == ' ' || line[colon - 1] == '\t') return refuse("white space before a colon");
  last_line_frames_ = false;
  if (colon == 14 && equal_ignoring_case(line.substr(0, colon), "content-length")) {
    last_line_frames_ = true;
    return content_length(trimmed(line.substr(15)));
  }
  if (colon == 17 && equal_ignoring_case(line.substr(0, colon), "transfer-encoding")) {
    last_line_frames_ = true;
    transfer_encoding(line.substr(18));
  } else if (colon == 10 && equal_ignoring_case(line.substr(0, colon), "connection")) {
    connection(line.substr(11));
  }
  return step::need_more;
}

http_answer_parser::step http_answer_parser::content_length(std::string_view value) noexcept {
  // 18 digits cannot overflow, and nobody serves an exabyte.
  if (value.empty() || value.size() > 18) return refuse("a bad Content-Length");
  std::uint64_t n = 0;
  for (const char c : value) {
    if (!is_digit(c)) return refuse("a bad Content-Length");
    n = n * 10 + static_cast<std::uint64_t>(c - '0');
  }
  if (has_length_ && n != left_) return refuse("two different Content-Lengths");
  has_length_ = true;
  left_ = n;
  return step::need_more;
}

void http_answer_parser::transfer_encoding(std::string_view value) noexcept {
  has_encoding_ = true;
  each_element(value, [&](std::string_view coding) { last_is_chunked_ = equal_ignoring_case(coding, "chunked"); });
}

void http_answer_parser::connection(std::string_view value) noexcept {
  each_element(value, [&](std::string_view token) {
    says_close_ |= equal_ignoring_case(token, "close");
    says_keep_alive_ |= equal_ignoring_case(token, "keep-alive");
  });
}

// RFC 9112, section 6.3.
http_answer_parser::step http_answer_parser::end_of_head() noexcept {
  keep_alive_ = !says_close_ && (!old_version_ || says_keep_alive_);
  if (has_encoding_ && has_length_) return refuse("Transfer-Encoding and Content-Length");
  if (has_encoding_ && old_version_) return refuse("Transfer-Encoding in HTTP/1.0");
  if (to_head_ || interim() || status_ == 204 || status_ == 304) {
    framing_ = framing::none;
  } else if (has_encoding_) {
    framing_ = last_is_chunked_ ? framing::chunked : framing::until_close;
    left_ = 0;
  } else {
    framing_ = has_length_ ? framing::length : framing::until_close;
    if (keep_body_ && has_length_ && left_ > max_kept_body_bytes) return step::too_large;
  }
  if (framing_ == framing::until_close) keep_alive_ = false;
  return step::complete;
}

http_answer_parser::eaten http_answer_parser::parse_body(std::string_view input) {
  switch (framing_) {
    case framing::none:
      return {step::complete, 0};
    case framing::length: {
      const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size()));
      if (!keep(input.substr(0, n))) return {step::too_large, 0};
      left_ -= n;
      return {left_ == 0 ? step::complete : step::need_more, n};
    }
    case framing::until_close:
      if (!keep(input)) return {step::too_large, 0};
      return {step::need_more, input.size()};
    case framing::chunked:
      break;
  }
  return parse_chunked(input);
}

http_answer_parser::eaten http_answer_parser::parse_chunked(std::string_view input) {
  std::size_t at = 0;
  while (at < input.size()) {
    if (chunk_ == chunk::data) {
      const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(left_, input.size() - at));
      if (!keep(input.substr(at, n))) return {step::too_large, at};
      at += n;
      left_ -= n;
      if (left_ == 0) chunk_ = chunk::data_cr;
      continue;
    }
    const bool last = chunk_ == chunk::end_lf;
    const step s = chunk_byte(input[at]);
    if (s != step::need_more) return {s, at};
    ++at;
    if (last) return {step::complete, at};
  }
  return {step::need_more, at};
}

http_answer_parser::step http_answer_parser::chunk_byte(char c) noexcept {
  switch (chunk_) {
    case chunk::size_first:
      line_bytes_ = 0;
      left_ = 0;
      if (hex_digit(c) < 0) return refuse("a chunk without a size");
      chunk_ = chunk::size;
      [[fallthrough]];
    case chunk::size:
      if (const int digit = hex_digit(c); digit >= 0) {
        if (left_ >> 56 != 0) return refuse("a chunk size over 2^60");
        left_ = left_ << 4 | static_cast<std::uint64_t>(digit);
        break;
      }
      if (c != ';' && c != ' ' && c != '\t' && c != '\r') return refuse("a bad chunk size");
      chunk_ = c == '\r' ? chunk::size_lf : chunk::extension;
      break;
    case chunk::extension:
      if (c == '\n') return refuse("a bare LF in a chunk extension");
      if (c == '\r') chunk_ = chunk::size_lf;
      break;
    case chunk::size_lf:
      if (c != '\n') return refuse("a bare CR in a chunk header");
      chunk_ = left_ == 0 ? chunk::trailer : chunk::data;
      line_bytes_ = 0;
      return step::need_more;
    case chunk::data_cr:
      if (c != '\r') return refuse("a chunk longer than its size");
      chunk_ = chunk::data_lf;
      return step::need_more;
    case chunk::data_lf:
      if (c != '\n') return refuse("a chunk longer than its size");
      chunk_ = chunk::size_first;
      return step::need_more;
    case chunk::trailer:
      chunk_ = c == '\r' ? chunk::end_lf : chunk::trailer_line;
      break;
    case chunk::trailer_line:
      if (c == '\n') chunk_ = chunk::trailer;
      break;
    case chunk::end_lf:
      if (c != '\n') return refuse("a bare CR in the trailers");
      break;
    case chunk::data:
      break;  // never here: eaten in one piece
  }
  return ++line_bytes_ > max_head_bytes ? step::too_large : step::need_more;
}

bool http_answer_parser::keep(std::string_view bytes) {
  body_bytes_ += bytes.size();
  if (!keep_body_) return true;
  if (bytes.size() > max_kept_body_bytes - kept_.size()) return false;
  kept_.append(bytes);
  return true;
}

http_answer_parser::step http_answer_parser::end_of_input() const noexcept {
  return framing_ == framing::until_close ? step::complete : step::need_more;
}

}  // namespace distsys::net
