// One request and its answer, without I/O: from a parsed head to a handler, from a response to bytes.
#pragma once

#include "http_framing.hpp"
#include "http_server_state.hpp"
#include "http_target.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace distsys::net {

/// Belongs to a connection and is reused for each of its requests, with all its buffers.
class http_exchange {
 public:
  http_exchange(server_state& server, server_loop& part, asio::ip::address peer, bool tls);

  request_head head;  // filled by the connection

  /// Prepares the request and finds its route. An answer when the handler must not run. The body comes later.
  std::optional<http_response> begin(runtime::deadline now);
  http_request& request() noexcept { return request_; }
  const router::route* route() const noexcept { return route_; }
  /// Of the route, or what is read and thrown away so that the connection can go on.
  std::size_t max_body() const noexcept;

  /// Turns the response into bytes to write. `keep` is false when the connection ends after it.
  void finish(http_response& response, bool keep, runtime::deadline now);
  /// Valid after finish(), until the next one.
  std::string& head_bytes() noexcept { return out_; }
  std::string_view body_bytes() const noexcept { return body_; }
  bool streams() const noexcept { return streams_; }
  int status() const noexcept { return status_; }

  /// Compressing it is worth it and allowed; large ones are done by the connection, slice by slice.
  bool wants_gzip(const http_response& response) const;
  static void mark_gzip(http_response& response, std::string compressed);

  /// Metrics and the access log.
  void record(runtime::deadline began, runtime::deadline now, std::size_t sent) const;
  /// Forgets a request that was not parsed.
  void reset();

 private:
  std::optional<http_response> admit();
  std::optional<http_response> preflight(std::string_view allow) const;
  bool origin_allowed(std::string_view origin) const noexcept;
  bool unchanged(const http_response& response) const;
  void put_headers(const http_response& response, bool vary, bool precompressed);

  server_state& server_;
  server_loop& part_;
  asio::ip::address peer_;
  bool peer_trusted_;
  bool tls_;
  http_request request_;
  path_scratch paths_;
  request_ids ids_;
  const router::route* route_ = nullptr;
  std::string out_;
  std::string_view body_;
  bool streams_ = false;
  int status_ = 0;
};

}  // namespace distsys::net
