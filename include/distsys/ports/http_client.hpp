// The port to the world's HTTP servers, none of which is trusted.
#pragma once

#include "distsys/foundation/error.hpp"
#include "distsys/ports/call_context.hpp"
#include "distsys/ports/health.hpp"
#include "distsys/runtime/awaitable.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace distsys::ports {

struct outgoing_request {
  std::string method = "GET";
  std::string url;                                           // http or https; anything else is errc::invalid
  std::vector<std::pair<std::string, std::string>> headers;  // CR, LF or NUL in one: errc::invalid
  std::string body;
  std::size_t max_body = 32u << 20;      // decompressed bytes of the answer; more: errc::too_large
  unsigned max_redirects = 5;            // followed for GET and HEAD only
  bool allow_private_addresses = false;  // loopback, private, link-local and the like, checked on the resolved address
  std::string proxy;                     // "http://host:port"; empty: none, whatever the environment says
};

struct incoming_response {
  int status = 0;
  std::vector<std::pair<std::string, std::string>> headers;  // names in lower case
  std::string body;                                          // decompressed
  std::string effective_url;                                 // after redirects

  std::optional<std::string_view> header(std::string_view lower_case_name) const;
};

/// Any loop may call. An answer of any status is a success of the port. Headers with credentials are not sent to
/// another origin after a redirect. Errors: invalid (URL, header), permission_denied (address or scheme refused),
/// unavailable, timeout, too_large, corrupt (broken encoding, TLS failure), cancelled.
class http_client {
 public:
  explicit http_client(std::string driver_name);
  virtual ~http_client();
  http_client(const http_client&) = delete;
  http_client& operator=(const http_client&) = delete;

  awaitable<result<incoming_response>> send(const call_context& context, outgoing_request request);
  virtual awaitable<void> close() = 0;

 private:
  virtual awaitable<result<incoming_response>> do_send(const call_context& context, outgoing_request request) = 0;
  struct operations;
  call_monitor calls_;
  std::unique_ptr<const operations> operations_;
};

}  // namespace distsys::ports
