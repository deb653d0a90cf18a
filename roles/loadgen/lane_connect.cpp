// Of lane.hpp: how a connection is made, and made again.
#include "lane.hpp"
#include "lane_worker.hpp"

#include <algorithm>

namespace distsys::roles::loadgen {
namespace {

using namespace std::chrono_literals;

constexpr auto first_pause = 10ms;
constexpr std::chrono::nanoseconds longest_pause = 1s;
constexpr auto give_up_after = 3s;  // when nothing could be reached from the start

}  // namespace

// A server that is down is asked by each connection at most about once a second.
awaitable<void> lane::back_off(worker& w) {
  const auto doubled = std::chrono::nanoseconds(first_pause) * (1u << std::min(w.failures - 1, 10u));
  const auto pause = std::min(doubled, longest_pause);
  const auto until =
      w.now +
      std::chrono::nanoseconds(static_cast<std::int64_t>(static_cast<double>(pause.count()) * random_.uniform(0.5, 1)));
  w.pause.expires_at(std::min(until, clock_.end));
  co_await w.pause.async_wait(use_tuple);
  w.now = runtime::steady_now();
}

awaitable<bool> lane::reach(worker& w) {
  if (w.failures != 0) co_await back_off(w);
  // What was due before the end is still sent; the closed loop begins nothing after it.
  if (clock_.stopping || w.now >= (plan_.open() ? clock_.grace : clock_.end)) {
    counts_.unsent += plan_.open() && w.counted >= clock_.counted;
    co_return false;
  }
  const auto begun = w.now;
  const auto& endpoints = w.server.endpoints;
  net::connect_options options{w.server.tls, plan_.verify_certificate, w.server.host};
  error last{errc::unavailable};
  for (std::size_t tried = 0; tried < endpoints.size(); ++tried) {
    const auto& peer = endpoints[w.endpoint % endpoints.size()];
    const auto connected = co_await w.wire.connect(peer, options, std::min(w.now + plan_.timeout, clock_.grace));
    w.now = runtime::steady_now();
    if (connected) {
      of(w.counted).connecting.record(static_cast<std::uint64_t>((w.now - begun) / 1us));
      clock_.connected.store(true, std::memory_order_relaxed);
      co_return true;
    }
    last = connected.error();
    if (last == errc::cancelled) break;
    ++w.endpoint;
  }
  note_failure(w, last);
  if (!clock_.connected && w.now - clock_.start > give_up_after) {
    clock_.gave_up = true;
    clock_.stopping = true;
  }
  co_return false;
}

}  // namespace distsys::roles::loadgen
