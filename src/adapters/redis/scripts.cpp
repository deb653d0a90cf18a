#include "scripts.hpp"

#include <openssl/evp.h>

#include <array>
#include <stdexcept>

namespace distsys::adapters::redis {
namespace {

// Versions are compared as text of equal length (stored_value.hpp). 193 is the mark, 118 'v', 116 't'.
constexpr std::string_view set_if_newer = R"(
local head = redis.call('GETRANGE', KEYS[1], 0, 21)
local kind = string.byte(head, 2)
if string.byte(head) == 193 and (kind == 118 or kind == 116) and
   string.sub(head, 3) >= string.sub(ARGV[1], 3, 22) then return 0 end
if ARGV[2] == '0' then redis.call('SET', KEYS[1], ARGV[1])
else redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) end
return 1
)";

// The same tombstone again lives as long as the longer of the two; PTTL is -1 where there is no expiry.
constexpr std::string_view invalidate = R"(
local head = redis.call('GETRANGE', KEYS[1], 0, 21)
local kind = string.byte(head, 2)
local ttl = ARGV[2]
if string.byte(head) == 193 and (kind == 118 or kind == 116) then
  local stored, version = string.sub(head, 3), string.sub(ARGV[1], 3)
  if stored > version then return 0 end
  if stored == version and kind == 116 and ttl ~= '0' then
    local left = redis.call('PTTL', KEYS[1])
    if left == -1 then ttl = '0' elseif left > tonumber(ttl) then ttl = string.format('%.0f', left) end
  end
end
if ttl == '0' then redis.call('SET', KEYS[1], ARGV[1])
else redis.call('SET', KEYS[1], ARGV[1], 'PX', ttl) end
return 1
)";

constexpr std::string_view erase = R"(
local head = redis.call('GETRANGE', KEYS[1], 0, 1)
if redis.call('DEL', KEYS[1]) == 0 then return 0 end
if string.byte(head) == 193 and string.byte(head, 2) == 116 then return 0 end
return 1
)";

constexpr std::string_view increment = R"(
redis.call('SET', KEYS[1], '0', 'NX', 'PX', ARGV[2])
redis.call('INCRBY', KEYS[1], ARGV[1])
return redis.call('GET', KEYS[1])
)";

script make(std::string_view text) {
  std::array<unsigned char, EVP_MAX_MD_SIZE> hash{};
  unsigned size = 0;
  if (EVP_Digest(text.data(), text.size(), hash.data(), &size, EVP_sha1(), nullptr) != 1)
    throw std::runtime_error("OpenSSL has no SHA-1");
  script s{text, {}};
  for (unsigned i = 0; i < size; ++i) {
    constexpr char digits[] = "0123456789abcdef";
    s.sha1 += digits[hash[i] >> 4];
    s.sha1 += digits[hash[i] & 15];
  }
  return s;
}

}  // namespace

const script& set_if_newer_script() {
  static const script s = make(set_if_newer);
  return s;
}

const script& invalidate_script() {
  static const script s = make(invalidate);
  return s;
}

const script& erase_script() {
  static const script s = make(erase);
  return s;
}

const script& increment_script() {
  static const script s = make(increment);
  return s;
}

}  // namespace distsys::adapters::redis
