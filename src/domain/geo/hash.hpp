// A 64-bit hash of bytes that is stored: the same on every machine and in every version.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

namespace distsys::domain::geo {

/// MurmurHash64A (A. Appleby, public domain), little-endian. Finds accidental differences; no defence against malice.
inline std::uint64_t hash64(std::string_view bytes, std::uint64_t seed = 0) noexcept {
  constexpr std::uint64_t m = 0xc6a4a7935bd1e995ull;
  const auto mixed = [](std::uint64_t k) {
    k *= m;
    k ^= k >> 47;
    return k * m;
  };
  std::uint64_t h = seed ^ (bytes.size() * m);
  std::size_t i = 0;
  for (; i + 8 <= bytes.size(); i += 8) {
    std::uint64_t k = 0;
    std::memcpy(&k, bytes.data() + i, 8);
    h = (h ^ mixed(k)) * m;
  }
  if (i < bytes.size()) {
    std::uint64_t tail = 0;
    std::memcpy(&tail, bytes.data() + i, bytes.size() - i);
    h = (h ^ tail) * m;
  }
  h = (h ^ (h >> 47)) * m;
  return h ^ (h >> 47);
}

}  // namespace distsys::domain::geo
