#include "http_peer.hpp"

#include "distsys/foundation/text.hpp"
#include "distsys/net/proxy_blocks.hpp"
#include "distsys/runtime/random.hpp"
#include "http_framing.hpp"

#include <algorithm>
#include <cstring>

namespace distsys::net {

asio::ip::address unmapped(const asio::ip::address& a) {
  if (a.is_v6() && a.to_v6().is_v4_mapped()) return asio::ip::make_address_v4(asio::ip::v4_mapped, a.to_v6());
  return a;
}

result<proxy_trust> proxy_trust::parse(std::span<const std::string> blocks) {
  proxy_trust trust;
  for (const std::string& block : blocks) {
    boost::system::error_code ec;
    const bool v6 = block.find(':') != std::string::npos;
    const bool whole = block.find('/') == std::string::npos;
    if (v6)
      trust.v6_.push_back(asio::ip::make_network_v6(whole ? block + "/128" : block, ec));
    else
      trust.v4_.push_back(asio::ip::make_network_v4(whole ? block + "/32" : block, ec));
    if (ec) return error{errc::invalid, "trusted proxy " + block + ": not an address or CIDR block"};
  }
  return trust;
}

bool is_proxy_block(std::string_view text) {
  const std::string block(text);
  return proxy_trust::parse({&block, 1}).has_value();
}

bool proxy_trust::trusts(const asio::ip::address& a) const noexcept {
  if (a.is_v4())
    return std::any_of(v4_.begin(), v4_.end(), [&](const asio::ip::network_v4& n) {
      return (a.to_v4().to_uint() & n.netmask().to_uint()) == n.network().to_uint();
    });
  const auto bytes = a.to_v6().to_bytes();
  return std::any_of(v6_.begin(), v6_.end(), [&](const asio::ip::network_v6& n) {
    const auto net = n.network().to_bytes();
    for (unsigned bit = 0; bit < n.prefix_length(); ++bit)
      if (((bytes[bit / 8] ^ net[bit / 8]) >> (7 - bit % 8)) & 1) return false;
    return true;
  });
}

asio::ip::address proxy_trust::client(const asio::ip::address& peer, std::span<const header_field> fields) const {
  asio::ip::address client = peer;
  for (std::size_t i = fields.size(); i-- > 0;) {
    if (!equal_ignoring_case(fields[i].name, "x-forwarded-for")) continue;
    for (std::string_view list = fields[i].value; !list.empty();) {
      const std::size_t comma = list.rfind(',');
      const std::string_view last = trim(comma == std::string_view::npos ? list : list.substr(comma + 1));
      list = comma == std::string_view::npos ? std::string_view{} : list.substr(0, comma);
      boost::system::error_code ec;
      const auto hop = asio::ip::make_address(std::string(last), ec);
      if (ec) return client;  // what stands left of rubbish is not to be believed
      client = unmapped(hop);
      if (!trusts(client)) return client;
    }
  }
  return client;
}

namespace {

std::uint64_t mix(std::uint64_t x) noexcept {  // splitmix64's finaliser
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

// An IPv4 address or an IPv6 /64, in disjoint ranges (2001::/3 is what the internet routes).
std::uint64_t bucket_key(const asio::ip::address& a) noexcept {
  if (a.is_v4()) return a.to_v4().to_uint();
  const auto bytes = a.to_v6().to_bytes();
  std::uint64_t key = 0;
  for (std::size_t i = 0; i < 8; ++i) key = key << 8 | bytes[i];
  return key | (1ULL << 63);
}

}  // namespace

double rate_limiter::take(const asio::ip::address& client, runtime::deadline now) {
  const std::uint64_t key = bucket_key(client);
  shard& s = shards_[mix(key) % shards];
  const std::lock_guard lock(s.mutex);
  auto found = s.young.find(key);
  if (found == s.young.end()) {
    bucket b{burst_, now};
    if (const auto aged = s.old.find(key); aged != s.old.end()) b = aged->second;
    if (s.young.size() >= max_clients / shards / 2) {
      s.old.swap(s.young);
      s.young.clear();
    }
    found = s.young.emplace(key, b).first;
  }
  bucket& b = found->second;
  b.tokens = std::min(burst_, b.tokens + rate_ * std::chrono::duration<double>(now - b.at).count());
  b.at = now;
  if (b.tokens < 1) return (1 - b.tokens) / rate_;
  b.tokens -= 1;
  return 0;
}

namespace {

void put_hex(char* to, std::uint64_t v) noexcept {
  static constexpr char digits[] = "0123456789abcdef";
  for (int i = 15; i >= 0; --i, v >>= 4) to[i] = digits[v & 15];
}

bool is_hex(std::string_view s) noexcept {
  return std::all_of(s.begin(), s.end(), [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

bool all_zero(std::string_view s) noexcept { return s.find_first_not_of('0') == std::string_view::npos; }

bool good_id(std::string_view id) noexcept {
  return !id.empty() && id.size() <= 128 && std::all_of(id.begin(), id.end(), [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' || c == '_' ||
           c == '.' || c == ':' || c == '/' || c == '+' || c == '=' || c == '@';
  });
}

// W3C Trace Context 3.2: version-traceid-parentid-flags; later versions may add to the end.
bool good_trace(std::string_view t) noexcept {
  if (t.size() < 55 || t[2] != '-' || t[35] != '-' || t[52] != '-') return false;
  const std::string_view version = t.substr(0, 2);
  if (!is_hex(version) || version == "ff") return false;
  if (version == "00" ? t.size() != 55 : (t.size() > 55 && t[55] != '-')) return false;
  return is_hex(t.substr(3, 32)) && is_hex(t.substr(36, 16)) && is_hex(t.substr(53, 2)) && !all_zero(t.substr(3, 32)) &&
         !all_zero(t.substr(36, 16));
}

}  // namespace

void request_ids::assign(http_request& request, std::string_view given_id, std::string_view given_trace) {
  runtime::random& r = runtime::thread_random();
  const std::uint64_t span = r() | 1;
  if (good_trace(given_trace)) {
    std::memcpy(trace_.data(), "00-", 3);
    std::memcpy(trace_.data() + 3, given_trace.data() + 3, 32);
    std::memcpy(trace_.data() + 53, given_trace.data() + 53, 2);
  } else {
    std::memcpy(trace_.data(), "00-", 3);
    put_hex(trace_.data() + 3, r() | 1);
    put_hex(trace_.data() + 19, r());
    std::memcpy(trace_.data() + 53, "00", 2);
  }
  trace_[35] = trace_[52] = '-';
  put_hex(trace_.data() + 36, span);
  request.traceparent = {trace_.data(), trace_.size()};
  if (good_id(given_id)) {
    request.request_id = given_id;
  } else {
    std::memcpy(id_.data(), trace_.data() + 36, id_.size());
    request.request_id = {id_.data(), id_.size()};
  }
}

}  // namespace distsys::net
