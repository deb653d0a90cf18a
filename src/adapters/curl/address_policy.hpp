// Which addresses belong to the public Internet: what a URL chosen by others may reach.
#pragma once

#include <boost/asio/ip/address.hpp>

#include <sys/socket.h>

namespace distsys::adapters::curl {

/// False for everything that the IANA special-purpose registries call not globally reachable (loopback, private,
/// link-local, shared (CGNAT), documentation, benchmarking, multicast, reserved), and for IPv6 addresses that carry
/// such an IPv4 address inside (mapped, compatible, NAT64, 6to4, Teredo).
bool is_public(const boost::asio::ip::address& a) noexcept;

/// Of a resolved address; families other than IPv4 and IPv6 are not public.
bool is_public(const sockaddr& a) noexcept;

}  // namespace distsys::adapters::curl
