// Content coding: who accepts gzip, what is worth compressing, and compressing it.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace distsys::net {

inline constexpr std::size_t gzip_minimum = 1024;  // below it the head and the work cost more than the bytes saved

/// By the quality values of RFC 9110 12.5.3.
bool accepts_gzip(std::string_view accept_encoding) noexcept;
/// Text, JSON, XML, SVG and the like.
bool compressible(std::string_view content_type) noexcept;
/// Whole, at `level` 1-9. Empty when zlib fails.
std::string gzip(std::string_view bytes, int level);

/// One after another slice, so that a loop can do other work in between.
class gzip_writer {
 public:
  explicit gzip_writer(int level);
  ~gzip_writer();
  gzip_writer(const gzip_writer&) = delete;
  gzip_writer& operator=(const gzip_writer&) = delete;
  bool write(std::string_view slice, bool last, std::string& out);

 private:
  struct stream;
  std::unique_ptr<stream> stream_;
};

}  // namespace distsys::net
