// A plan carried out against a scripted server.
#pragma once

#include "roles/loadgen/runner.hpp"
#include "tests/support/catch.hpp"
#include "tests/unit/net_client/scripted_server.hpp"

#include <boost/asio/co_spawn.hpp>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace distsys::roles::loadgen {

using tests::script_connection;
using tests::scripted_server;

inline awaitable<void> carry_out(runtime::runtime& loops, runner& r, std::optional<report>& out) {
  const auto ready = co_await r.prepare();
  REQUIRE(ready);
  out = co_await r.run(false);
  loops.stop();
}

inline report run(plan p, unsigned loops = 2) {
  runtime::runtime threads(loops);
  runner r(threads, std::move(p));
  std::optional<report> out;
  asio::co_spawn(threads.loop(0), carry_out(threads, r, out), [](std::exception_ptr e) {
    if (e) std::rethrow_exception(e);
  });
  threads.run();
  return std::move(*out);
}

inline plan against(const scripted_server& s, std::uint64_t requests, unsigned connections = 4) {
  plan p;
  REQUIRE(add_url(p, "http://127.0.0.1:" + std::to_string(s.port()) + "/"));
  p.requests = requests;
  p.connections = connections;
  p.timeout = std::chrono::seconds(5);
  make_requests(p);
  return p;
}

inline void open_at(plan& p, std::string_view arrivals) { p.arrivals = parse_arrivals(arrivals, 0).value(); }

}  // namespace distsys::roles::loadgen
