#include "address_policy.hpp"

#include <netinet/in.h>

#include <array>
#include <cstdint>
#include <cstring>

namespace distsys::adapters::curl {
namespace {

namespace ip = boost::asio::ip;

struct v4_block {
  std::uint32_t network;
  unsigned bits;
};

constexpr std::uint32_t v4(unsigned a, unsigned b, unsigned c, unsigned d) { return a << 24 | b << 16 | c << 8 | d; }

// https://www.iana.org/assignments/iana-ipv4-special-registry, and multicast.
constexpr v4_block refused_v4[] = {{v4(0, 0, 0, 0), 8},       {v4(10, 0, 0, 0), 8},     {v4(100, 64, 0, 0), 10},
                                   {v4(127, 0, 0, 0), 8},     {v4(169, 254, 0, 0), 16}, {v4(172, 16, 0, 0), 12},
                                   {v4(192, 0, 0, 0), 24},    {v4(192, 0, 2, 0), 24},   {v4(192, 31, 196, 0), 24},
                                   {v4(192, 52, 193, 0), 24}, {v4(192, 88, 99, 0), 24}, {v4(192, 168, 0, 0), 16},
                                   {v4(192, 175, 48, 0), 24}, {v4(198, 18, 0, 0), 15},  {v4(198, 51, 100, 0), 24},
                                   {v4(203, 0, 113, 0), 24},  {v4(224, 0, 0, 0), 4},    {v4(240, 0, 0, 0), 4}};

bool public_v4(std::uint32_t a) noexcept {
  for (const auto& block : refused_v4) {
    if ((a ^ block.network) >> (32 - block.bits) == 0) return false;
  }
  return true;
}

bool public_v6(const ip::address_v6::bytes_type& b) noexcept {
  const auto embedded = [&b](std::size_t at) { return v4(b[at], b[at + 1], b[at + 2], b[at + 3]); };
  const auto starts = [&b](std::initializer_list<unsigned char> prefix) {
    return std::equal(prefix.begin(), prefix.end(), b.begin());
  };
  if (starts({0x00, 0x64, 0xff, 0x9b, 0, 0, 0, 0, 0, 0, 0, 0})) return public_v4(embedded(12));  // NAT64, RFC 6052
  // Global unicast is 2000::/3; all else (::, ::1, mapped, compatible, fc00::/7, fe80::/10, ff00::/8, …) is refused.
  if ((b[0] & 0xe0) != 0x20) return false;
  if (starts({0x20, 0x02})) return public_v4(embedded(2));  // 6to4
  if (starts({0x20, 0x01}) && b[2] < 0x02) return false;    // 2001::/23: Teredo, benchmarking, ORCHID, …
  if (starts({0x20, 0x01, 0x0d, 0xb8})) return false;       // documentation
  return !(starts({0x3f, 0xff}) && b[2] < 0x10);            // documentation, RFC 9637
}

}  // namespace

bool is_public(const ip::address& a) noexcept {
  if (a.is_v4()) return public_v4(a.to_v4().to_uint());
  const auto v6 = a.to_v6();
  // A mapped address connects over IPv4, so IPv4's rules decide.
  const auto bytes = v6.to_bytes();
  if (v6.is_v4_mapped()) return public_v4(v4(bytes[12], bytes[13], bytes[14], bytes[15]));
  return public_v6(bytes);
}

bool is_public(const sockaddr& a) noexcept {
  if (a.sa_family == AF_INET) {
    sockaddr_in in{};
    std::memcpy(&in, &a, sizeof in);
    return public_v4(ntohl(in.sin_addr.s_addr));
  }
  if (a.sa_family != AF_INET6) return false;
  sockaddr_in6 in{};
  std::memcpy(&in, &a, sizeof in);
  ip::address_v6::bytes_type bytes;
  std::memcpy(bytes.data(), &in.sin6_addr, bytes.size());
  return is_public(ip::address(ip::address_v6(bytes)));
}

}  // namespace distsys::adapters::curl
