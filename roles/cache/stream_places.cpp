#include "stream_places.hpp"

#include <algorithm>

namespace distsys::roles::cache {
namespace {

namespace ip = boost::asio::ip;

ip::address one_client(const ip::address& a) {
  if (a.is_v4()) return a;
  if (a.to_v6().is_v4_mapped()) return ip::make_address_v4(ip::v4_mapped, a.to_v6());
  ip::address_v6::bytes_type bytes = a.to_v6().to_bytes();
  std::fill(bytes.begin() + 8, bytes.end(), 0);
  return ip::address_v6(bytes);
}

}  // namespace

stream_places::place::~place() {
  if (!from_) return;
  const std::scoped_lock lock(from_->mutex);
  --from_->taken;
  const auto mine = from_->by_address.find(whose_);
  if (--mine->second == 0) from_->by_address.erase(mine);
}

stream_places::outcome stream_places::take(const ip::address& whose) {
  const ip::address client = one_client(whose);
  const std::scoped_lock lock(state_->mutex);
  if (state_->taken >= most_) return {full::in_all, {}};
  const auto known = state_->by_address.find(client);
  if (known != state_->by_address.end() && known->second >= most_an_address_) return {full::address, {}};
  ++state_->by_address[client];
  ++state_->taken;
  return {full::no, place(state_, client)};
}

std::size_t stream_places::taken() const {
  const std::scoped_lock lock(state_->mutex);
  return state_->taken;
}

}  // namespace distsys::roles::cache
