// Content coding inside the server: what is worth compressing, and compressing it slice by slice.
#pragma once

#include "distsys/net/gzip.hpp"

#include <memory>
#include <string>
#include <string_view>

namespace distsys::net {

/// Text, JSON, XML, SVG and the like.
bool compressible(std::string_view content_type) noexcept;

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
