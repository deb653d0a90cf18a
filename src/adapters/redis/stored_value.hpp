// How a value lies in Redis: plain bytes as they are, versions and tombstones behind a head of 22 bytes.
//
// A value that was set without a version is itself, so that other programs read it and INCRBY counts in it. With one it
// is MARK 'v' and the version in 20 digits, then the bytes; a tombstone is MARK 't' and the version. MARK is 0xC1, a
// byte that UTF-8 never has: a plain value that begins with it anyway is written as MARK 'p' and itself.
#pragma once

#include "reply.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace distsys::adapters::redis {

enum class stored_kind : std::uint8_t { value, tombstone, damaged };

struct stored_value {
  stored_kind kind = stored_kind::value;
  std::string_view bytes;  // of the value
};

inline constexpr std::size_t max_head = 22;

stored_value decode(std::string_view raw) noexcept;
/// As what a reply with it is handed on.
reply::kind kind_of(stored_kind kind) noexcept;

/// What stands before the bytes: nothing, nearly always.
std::string_view plain_head(std::string_view value) noexcept;
std::string version_head(std::uint64_t version);
std::string tombstone(std::uint64_t version);

}  // namespace distsys::adapters::redis
