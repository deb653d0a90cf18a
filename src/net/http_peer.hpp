// Who asks: the client's address behind trusted proxies, its rate, and the ids of its request.
#pragma once

#include "distsys/foundation/error.hpp"
#include "distsys/net/http_message.hpp"
#include "distsys/runtime/clock.hpp"

#include <boost/asio/ip/address.hpp>
#include <boost/asio/ip/network_v4.hpp>
#include <boost/asio/ip/network_v6.hpp>

#include <array>
#include <cstdint>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace distsys::net {

/// IPv4 addresses mapped into IPv6 become IPv4.
asio::ip::address unmapped(const asio::ip::address& a);

/// The proxies whose X-Forwarded-* count.
class proxy_trust {
 public:
  /// Addresses and CIDR blocks; errc::invalid names the bad one.
  static result<proxy_trust> parse(std::span<const std::string> blocks);
  bool trusts(const asio::ip::address& a) const noexcept;
  bool empty() const noexcept { return v4_.empty() && v6_.empty(); }
  /// The right-most address of X-Forwarded-For that is not a trusted proxy's; `peer` when there is none.
  asio::ip::address client(const asio::ip::address& peer, std::span<const header_field> fields) const;

 private:
  std::vector<asio::ip::network_v4> v4_;
  std::vector<asio::ip::network_v6> v6_;
};

/// Token buckets by client address (IPv6 by /64). Bounded: a flood of addresses forgets the oldest. Any thread.
class rate_limiter {
 public:
  rate_limiter(double rate, double burst) noexcept : rate_(rate), burst_(burst) {}
  /// 0 when allowed, else the seconds until a token is there.
  double take(const asio::ip::address& client, runtime::deadline now);

  static constexpr std::size_t max_clients = 1u << 16;

 private:
  struct bucket {
    double tokens;
    runtime::deadline at;
  };
  static constexpr std::size_t shards = 16;
  struct shard {
    std::mutex mutex;
    std::unordered_map<std::uint64_t, bucket> young, old;  // two generations: forgetting is O(1) amortised
  };
  double rate_, burst_;
  std::array<shard, shards> shards_;
};

/// Request id and traceparent. Cheap enough to make for every request: three steps of a generator and 48 hex digits.
class request_ids {
 public:
  void assign(http_request& request, std::string_view given_id, std::string_view given_trace);

 private:
  std::array<char, 16> id_{};
  std::array<char, 55> trace_{};
};

}  // namespace distsys::net
