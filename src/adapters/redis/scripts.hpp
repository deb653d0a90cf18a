// What Redis does by itself in one step, in Lua: comparing versions, and counters that start with an expiry.
#pragma once

#include <string>
#include <string_view>

namespace distsys::adapters::redis {

/// Sent by its hash; by its text when the server does not know it yet (NOSCRIPT).
struct script {
  std::string_view text;
  std::string sha1;  // 40 hexadecimal digits
};

/// KEYS: key; ARGV: head and value, expiry in ms (0: none). 1, or 0 when a version is stored that is not older.
const script& set_if_newer_script();
/// KEYS: key; ARGV: tombstone, expiry in ms (0: none).
const script& invalidate_script();
/// KEYS: key. 1 when a value was there.
const script& erase_script();
/// KEYS: key; ARGV: by, expiry in ms. The sum as text: Lua's numbers lose digits.
const script& increment_script();

}  // namespace distsys::adapters::redis
