// Bytes made small, and bytes made printable, for formats that ask for them.
#pragma once

#include <string>
#include <string_view>

namespace distsys {

/// The zlib format (RFC 1950) at `level` 1-9. Empty when zlib fails.
std::string zlib_compress(std::string_view bytes, int level = 6);
/// RFC 4648, section 4, padded.
std::string base64_encode(std::string_view bytes);

}  // namespace distsys
