// How many event streams may be open at once: in all, and from one address.
#pragma once

#include <boost/asio/ip/address.hpp>

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>

namespace distsys::roles::cache {

/// Any thread. Of IPv6 a /64 is one address, of IPv4 mapped into IPv6 the IPv4 address.
class stream_places {
  struct state {
    std::mutex mutex;
    std::size_t taken = 0;
    std::map<boost::asio::ip::address, std::size_t> by_address;  // at most one for each open stream
  };

 public:
  enum class full : unsigned char { no, in_all, address };

  /// Given back when it is destroyed.
  class place {
   public:
    place() = default;
    place(place&& other) noexcept = default;
    place& operator=(place&& other) = delete;
    ~place();

   private:
    friend class stream_places;
    place(std::shared_ptr<state> from, boost::asio::ip::address whose) : from_(std::move(from)), whose_(whose) {}

    std::shared_ptr<state> from_;
    boost::asio::ip::address whose_;
  };

  stream_places(std::size_t most, std::size_t most_an_address) : most_(most), most_an_address_(most_an_address) {}

  struct outcome {
    full why = full::no;
    place taken;  // when why is no
  };
  outcome take(const boost::asio::ip::address& whose);
  std::size_t taken() const;

 private:
  const std::size_t most_, most_an_address_;
  const std::shared_ptr<state> state_ = std::make_shared<state>();
};

}  // namespace distsys::roles::cache
