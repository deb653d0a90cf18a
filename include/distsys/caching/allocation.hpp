// What an allocation really takes.
#pragma once

#include <algorithm>
#include <cstddef>

namespace distsys::caching {

/// Bytes that the heap gives up for `size` bytes asked for, as glibc's malloc does it: 8 for its header, rounded up to
/// 16, at least 32. (From 128 KiB on it may map whole pages: up to 4 KiB more, under 4 %.)
constexpr std::size_t allocated(std::size_t size) noexcept {
  return std::max<std::size_t>(32, (size + 8 + 15) / 16 * 16);
}

}  // namespace distsys::caching
