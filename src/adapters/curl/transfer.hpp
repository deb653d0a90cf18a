// One HTTP exchange, without redirects: an easy handle, what it collects, and what its end means.
#pragma once

#include "multi.hpp"
#include "request_url.hpp"

#include "distsys/foundation/error.hpp"
#include "distsys/ports/http_client.hpp"
#include "distsys/runtime/clock.hpp"

#include <array>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>

namespace distsys::adapters::curl {

struct transfer_settings {
  std::chrono::milliseconds connect_timeout{10'000};
  std::string ca_file;  // empty: the system's
};

/// Lives in the frame of the coroutine that runs it.
class transfer {
 public:
  transfer(std::shared_ptr<multi> m, const transfer_settings& settings, const ports::outgoing_request& request,
           const request_url& target);
  ~transfer();
  transfer(const transfer&) = delete;
  transfer& operator=(const transfer&) = delete;

  awaitable<result<ports::incoming_response>> run(runtime::deadline limit);

 private:
  static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self);
  static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self);
  static curl_socket_t on_open_socket(void* self, curlsocktype purpose, curl_sockaddr* address);
  void prepare(const transfer_settings& settings);
  void prepare_method();
  bool take_header(std::string_view line);
  error failed(CURLcode code) const;

  std::shared_ptr<multi> multi_;
  const ports::outgoing_request& request_;
  const request_url& target_;
  CURL* easy_;
  curl_slist* headers_ = nullptr;
  std::array<char, CURL_ERROR_SIZE> message_{};
  ports::incoming_response response_;
  std::size_t header_bytes_ = 0;
  bool headers_too_large_ = false, body_too_large_ = false, address_refused_ = false;
  bool added_ = false;
};

}  // namespace distsys::adapters::curl
