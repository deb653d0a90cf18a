// Strict HTTP/1.1 framing over bytes: where a request's head ends, what it says, and how its chunked body decodes.
//
// Pure functions and small state machines without I/O; one reading of the bytes, so that no second parser can disagree.
// Whatever is ambiguous is refused (RFC 9112 sections 2.2, 5.1, 6.1, 6.3, 7.1).
#pragma once

#include "distsys/net/http_message.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace distsys::net {

/// Fields that the server itself reads; found while parsing, so that nobody searches for them.
enum class known_field : std::uint8_t {
  host,
  connection,
  content_length,
  transfer_encoding,
  expect,
  accept_encoding,
  if_none_match,
  origin,
  request_id,
  traceparent,
  forwarded_for,
  forwarded_proto,
  request_method,
  none
};
inline constexpr std::size_t known_fields = static_cast<std::size_t>(known_field::none);

struct head_limits {
  std::size_t max_bytes = 16u << 10;  // of the whole head: 431
  std::size_t max_target = 8u << 10;  // 414
  std::size_t max_fields = 100;       // 431
};

/// A parsed head; every view points into the bytes that were parsed. Reused from request to request.
struct request_head {
  distsys::net::method method = method::other;
  std::string_view target;
  bool http11 = true;
  bool keep_alive = true;
  bool chunked = false;
  bool expect_continue = false;
  std::optional<std::uint64_t> content_length;
  std::vector<header_field> fields;
  std::array<std::string_view, known_fields> known;  // data() is nullptr when absent

  std::string_view operator[](known_field f) const noexcept { return known[static_cast<std::size_t>(f)]; }
  bool has(known_field f) const noexcept { return known[static_cast<std::size_t>(f)].data() != nullptr; }
};

/// Why a request is refused: 0 is "fine", else the status to answer before closing.
struct framing_error {
  int status = 0;
  std::string_view why;
  explicit operator bool() const noexcept { return status != 0; }
};

/// Finds the end of a head that arrives in pieces; looks at each line once.
class head_scanner {
 public:
  enum class state : std::uint8_t { more, complete, bad };
  /// `bytes` is everything received of this request so far. On complete, size() is the length of the head.
  state scan(std::string_view bytes, const head_limits& limits) noexcept;
  std::size_t size() const noexcept { return line_; }
  const framing_error& error() const noexcept { return error_; }
  void reset() noexcept { *this = head_scanner{}; }

 private:
  state refuse(int status, std::string_view why) noexcept;
  std::size_t line_ = 0;   // where the current line begins
  std::size_t first_ = 0;  // where the request line begins
  bool in_fields_ = false;
  framing_error error_;
};

/// `block` is a whole head as head_scanner found it.
framing_error parse_head(std::string_view block, const head_limits& limits, request_head& out);

/// Decodes a chunked body that arrives in pieces. Sizes, extensions and trailers are bounded; trailers are checked and
/// dropped.
class chunked_decoder {
 public:
  explicit chunked_decoder(std::size_t max_body) noexcept : max_body_(max_body) {}
  enum class state : std::uint8_t { more, complete, bad };
  /// Consumes from the front of `bytes`, appends data to `out`; the count says how many bytes were consumed.
  state feed(std::string_view bytes, std::string& out, std::size_t& consumed);
  const framing_error& error() const noexcept { return error_; }

 private:
  enum class expecting : std::uint8_t { size, data, data_end, trailer };
  state refuse(int status, std::string_view why) noexcept;
  bool end_of_line(const std::string& out);
  bool take_size(const std::string& out);
  bool take_trailer();

  expecting expecting_ = expecting::size;
  bool complete_ = false;
  std::size_t max_body_;
  std::uint64_t left_ = 0;    // of the current chunk
  std::size_t overhead_ = 0;  // bytes of extensions and trailers so far
  std::string line_;
  framing_error error_;
};

/// One comma-separated list element after another, trimmed; nothing at the end.
std::optional<std::string_view> next_element(std::string_view& list) noexcept;

}  // namespace distsys::net
