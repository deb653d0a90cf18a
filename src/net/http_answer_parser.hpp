// An incremental parser of HTTP/1.x answers (RFC 9112): finds where an answer ends and reads only what framing needs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace distsys::net {

/// First parse_head() until it is complete, then parse_body(). No allocation but for a body that is kept. Bytes may
/// come in pieces of any size.
class http_answer_parser {
 public:
  static constexpr std::size_t max_head_bytes = 64u << 10;  // of trailers and of a chunk's size line too
  static constexpr std::size_t max_kept_body_bytes = 64u << 20;

  enum class step : std::uint8_t {
    need_more,
    complete,
    corrupt,    // not HTTP, or framed ambiguously: why() tells
    too_large,  // over one of the limits above
  };
  struct eaten {
    step state;
    std::size_t bytes;  // of the input that belong to the answer
  };

  void start(bool answer_to_head, bool keep_body) noexcept;
  void start_again() noexcept { start(to_head_, keep_body_); }

  /// `input` begins at the answer's first byte on every call, and only grows. The rest of the answer follows after
  /// head_bytes(). An interim answer (1xx but 101) has no body: start() again behind it.
  step parse_head(std::string_view input);
  eaten parse_body(std::string_view input);
  /// The peer closed: complete for a body that ends with the connection, need_more when the answer was cut.
  step end_of_input() const noexcept;

  int status() const noexcept { return status_; }
  bool interim() const noexcept { return status_ < 200; }
  bool keep_alive() const noexcept { return keep_alive_; }
  std::size_t head_bytes() const noexcept { return line_; }
  std::size_t body_bytes() const noexcept { return body_bytes_; }
  /// Bytes of body known to be missing; 0 when that is unknown.
  std::uint64_t body_left() const noexcept { return framing_ == framing::length ? left_ : 0; }
  /// The body so far, when it is kept; its memory is used again by the next answer.
  std::string_view kept_body() const noexcept { return kept_; }
  std::string_view why() const noexcept { return why_; }

 private:
  enum class framing : std::uint8_t { none, length, chunked, until_close };
  enum class chunk : std::uint8_t {
    size_first,
    size,
    extension,
    size_lf,
    data,
    data_cr,
    data_lf,
    trailer,
    trailer_line,
    end_lf
  };

  step refuse(std::string_view why) noexcept;
  step status_line(std::string_view line) noexcept;
  step header_line(std::string_view line) noexcept;
  step content_length(std::string_view value) noexcept;
  void transfer_encoding(std::string_view value) noexcept;
  void connection(std::string_view value) noexcept;
  step end_of_head() noexcept;
  eaten parse_chunked(std::string_view input);
  step chunk_byte(char c) noexcept;
  bool keep(std::string_view bytes);

  std::string kept_;
  std::string_view why_;
  std::size_t line_ = 0;      // offset of the line being read; of the body once the head is complete
  std::size_t searched_ = 0;  // no line feed between line_ and here
  std::size_t body_bytes_ = 0;
  std::size_t line_bytes_ = 0;  // of a chunk's size line, or of all trailers
  std::uint64_t left_ = 0;      // of the body, or of the chunk
  int status_ = 0;
  framing framing_ = framing::none;
  chunk chunk_ = chunk::size_first;
  bool to_head_ = false;
  bool keep_body_ = false;
  bool old_version_ = false;  // HTTP/1.0
  bool keep_alive_ = true;
  bool says_close_ = false;
  bool says_keep_alive_ = false;
  bool has_length_ = false;
  bool has_encoding_ = false;
  bool last_is_chunked_ = false;
  bool last_line_frames_ = false;  // a fold of such a line could change the framing
};

}  // namespace distsys::net
