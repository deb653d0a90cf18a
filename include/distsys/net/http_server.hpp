// The HTTP/1.1 server: every loop accepts (SO_REUSEPORT), strict framing, limits and absolute deadlines on everything.
// RFC 9110, 9112.
#pragma once

#include "distsys/foundation/error.hpp"
#include "distsys/net/router.hpp"
#include "distsys/runtime/runtime.hpp"
#include "distsys/runtime/task_group.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace distsys::net {

struct tls_files {
  std::string certificate;  // PEM chain; empty: plain HTTP. Files are re-read when they change
  std::string key;          // PEM
};

struct http_limits {
  std::size_t max_header_bytes = 16u << 10;           // more: 431
  std::size_t max_target_bytes = 8u << 10;            // more: 414
  std::chrono::milliseconds header_deadline{20'000};  // absolute, from the first byte: 408
  std::chrono::milliseconds body_deadline{20'000};    // absolute, from the end of the header: 408
  std::chrono::milliseconds write_deadline{20'000};   // a peer that does not read
  std::chrono::milliseconds idle_timeout{75'000};     // between requests
  std::size_t max_connections = 20'000;               // more: 503 and close
  std::size_t max_in_flight = 10'000;                 // requests being handled; more: 503
  std::size_t max_in_flight_bytes = 256u << 20;       // of request bodies; more: 503
};

struct http_server_options {
  std::string role;  // label of metrics, and the server's name in logs
  std::string host = "127.0.0.1";
  std::uint16_t port = 0;  // 0: any free one
  bool reuse_port = true;
  tls_files tls;
  http_limits limits;
  std::vector<std::string> trusted_proxies;  // addresses and CIDR blocks whose X-Forwarded-* count
  std::vector<std::string> cors_origins;     // "*" or exact origins; empty: no CORS headers
  double rate_limit = 0;                     // requests a second and client address; 0: none. Over it: 429
  double rate_burst = 0;                     // 0: ten seconds' worth
  bool access_log = false;                   // one info line a request
  std::vector<middleware> middlewares;       // applied to every route, first is outermost
};

/// One listening address. Members are called from any one loop at a time.
class http_server {
 public:
  http_server(runtime::runtime& loops, http_server_options options, router routes);
  ~http_server();  // after close()
  http_server(const http_server&) = delete;
  http_server& operator=(const http_server&) = delete;

  /// Binds and accepts on every loop. errc::already_exists when another process listens there (probed before
  /// SO_REUSEPORT), errc::permission_denied, errc::invalid (address, certificate).
  awaitable<result<void>> listen();
  std::uint16_t port() const noexcept;

  /// Accepts what the kernel has queued, closes the acceptors, answers every request that was read, with
  /// `Connection: close`; true when all connections ended before `limit`. Idle ones are closed at once; streams are
  /// told by cancellation.
  awaitable<bool> drain(runtime::deadline limit);
  /// Cancels what is left and waits for it.
  awaitable<void> close();

  std::size_t connections() const noexcept;

 private:
  struct state;
  std::shared_ptr<state> state_;
};

/// Bearer tokens compared in constant time; 401 with WWW-Authenticate otherwise. `accepted` maps token -> user name.
admission bearer_admission(std::vector<std::pair<std::string, std::string>> accepted);
/// The same around a handler, for which the body has been read.
middleware require_bearer(std::vector<std::pair<std::string, std::string>> accepted);
/// HTTP Basic (RFC 7617), `check` decides; 401 with a realm otherwise.
middleware require_basic(std::string realm,
                         std::function<bool(std::string_view user, std::string_view password)> check);

}  // namespace distsys::net
