// Compressing an answer's bytes once, for makers of a shared_body.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace distsys::net {

inline constexpr std::size_t gzip_minimum = 1024;  // below it the head and the work cost more than the bytes saved

/// By the quality values of RFC 9110 12.5.3, of an Accept-Encoding field.
bool accepts_gzip(std::string_view accept_encoding) noexcept;
/// Whole, at `level` 1-9. Empty when zlib fails. About 100 MB/s of JSON at level 5: large ones belong on a
/// blocking_lane.
std::string gzip(std::string_view bytes, int level);

}  // namespace distsys::net
