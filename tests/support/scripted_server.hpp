// A server that answers with exactly the bytes a test wants, over TCP or TLS with a certificate that nobody trusts.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace distsys::tests {

struct scripted_reply {
  std::string bytes;       // sent as they are
  bool keep_open = false;  // then reads the next request; else closes
  bool stall = false;      // then does nothing until the server is destroyed or the client is gone
  std::size_t repeat = 1;  // the bytes, so many times, or until the client is gone
};

class scripted_server {
 public:
  /// `answer` gets the head of each request (request line and headers, then the body as far as it came along); it is
  /// called from several threads.
  explicit scripted_server(std::function<scripted_reply(const std::string& request)> answer, bool tls = false);
  ~scripted_server();
  scripted_server(const scripted_server&) = delete;
  scripted_server& operator=(const scripted_server&) = delete;

  std::uint16_t port() const noexcept;
  std::string url(const std::string& path) const;  // "http://127.0.0.1:PORT/path"
  std::size_t connections() const noexcept;
  std::vector<std::string> requests() const;

 private:
  struct state;
  std::shared_ptr<state> state_;
};

/// "HTTP/1.1 200 OK" with Content-Length.
std::string http_ok(const std::string& body, const std::string& more_headers = {});
/// gzip of `size` zero bytes.
std::string gzip_zeros(std::size_t size);
std::string gzip(const std::string& text);

}  // namespace distsys::tests
