// One connection of a lane and what it remembers between requests.
#pragma once

#include "lane.hpp"

#include <boost/asio/basic_waitable_timer.hpp>

#include <cstddef>
#include <cstdint>

namespace distsys::roles::loadgen {

struct lane::worker {
  using timer = asio::basic_waitable_timer<runtime::steady_clock, asio::wait_traits<runtime::steady_clock>, executor>;

  worker(executor where, const plan& p, const origin& o, const runtime::key_sampler& keys, std::size_t first)
      : wire(where), pause(where), server(o), source(p, o, keys, first) {}

  net::http_connection wire;
  timer pause;
  const origin& server;
  request_source source;
  std::size_t endpoint = 0;  // the one that answered last
  unsigned failures = 0;     // in a row
  std::uint64_t number = 0;  // of the request, of all lanes
  std::uint64_t asked = 0;   // of this visit
  runtime::steady_clock::time_point now;
  runtime::steady_clock::time_point counted;  // the latency counts from here
  runtime::steady_clock::time_point sent;
};

}  // namespace distsys::roles::loadgen
