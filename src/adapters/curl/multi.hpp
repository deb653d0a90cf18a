// One libcurl multi handle driven by one loop: libcurl says which sockets and which time it waits for, Asio waits.
#pragma once

#include "distsys/runtime/awaitable.hpp"

#include <curl/curl.h>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>

#include <chrono>
#include <functional>
#include <memory>
#include <unordered_map>

namespace distsys::adapters::curl {

struct multi_limits {
  long connections = 64;  // open at once, idle ones included
  long connections_per_host = 8;
};

/// Used on its own loop only. Transfers hold it by shared_ptr, so that it outlives them.
class multi : public std::enable_shared_from_this<multi> {
 public:
  static std::shared_ptr<multi> create(executor loop, const multi_limits& limits);
  ~multi();
  multi(const multi&) = delete;
  multi& operator=(const multi&) = delete;

  /// `done` is called once, on the loop and never from within add(), unless remove() comes first.
  CURLMcode add(CURL* easy, std::function<void(CURLcode)> done);
  void remove(CURL* easy);

  executor loop() const noexcept { return loop_; }

 private:
  using timer =
      asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, executor>;
  struct watch;

  explicit multi(executor loop);
  static int on_socket(CURL* easy, curl_socket_t socket, int what, void* self, void* registered);
  static int on_timer(CURLM* handle, long milliseconds, void* self);
  void arm(const std::shared_ptr<watch>& w);
  void act(curl_socket_t socket, int events);
  void report_finished();

  executor loop_;
  CURLM* handle_;
  timer timer_;
  std::unordered_map<curl_socket_t, std::shared_ptr<watch>> watches_;
  std::unordered_map<CURL*, std::function<void(CURLcode)>> running_;
};

}  // namespace distsys::adapters::curl
