// A real server on a free port in a thread of its own, and a client that writes and reads raw bytes.
#pragma once

#include "distsys/net/http_server.hpp"
#include "distsys/runtime/runtime.hpp"
#include "distsys/runtime/task_group.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <future>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

namespace distsys::net::test {

class server_fixture {
 public:
  explicit server_fixture(router routes, http_server_options options = {}, unsigned loops = 1)
      : loops_(loops), server_(loops_, named(std::move(options)), std::move(routes)) {
    thread_ = std::thread([this] { loops_.run(); });
    const auto listening = run(listen(server_));
    if (!listening) {
      finish();
      throw failure(listening.error());
    }
  }
  ~server_fixture() { finish(); }
  server_fixture(const server_fixture&) = delete;
  server_fixture& operator=(const server_fixture&) = delete;

  std::uint16_t port() const { return server_.port(); }
  http_server& server() { return server_; }
  runtime::runtime& loops() { return loops_; }

  std::future<bool> drain(std::chrono::milliseconds limit) {
    auto done = std::make_shared<std::promise<bool>>();
    tasks_.spawn(loops_.loop(0), keep(drain_until(server_, runtime::steady_now() + limit), done));
    return done->get_future();
  }

  /// Runs a coroutine on loop 0 and waits for what it returns.
  template <class T>
  T run(awaitable<T> work) {
    auto done = std::make_shared<std::promise<T>>();
    tasks_.spawn(loops_.loop(0), keep(std::move(work), done));
    return done->get_future().get();
  }

 private:
  static http_server_options named(http_server_options o) {
    if (o.role.empty()) o.role = "test";
    return o;
  }
  static awaitable<result<void>> listen(http_server& s) { co_return co_await s.listen(); }
  static awaitable<bool> drain_until(http_server& s, runtime::deadline limit) { co_return co_await s.drain(limit); }
  static awaitable<bool> close(http_server& s) {
    co_await s.close();
    co_return true;
  }
  template <class T>
  static awaitable<void> keep(awaitable<T> work, std::shared_ptr<std::promise<T>> done) {
    done->set_value(co_await std::move(work));
  }
  void finish() {
    run(close(server_));
    while (tasks_.size() != 0) std::this_thread::yield();  // the last one has given its value and is about to end
    loops_.stop();
    thread_.join();
  }

  runtime::runtime loops_;
  runtime::task_group tasks_;
  http_server server_;
  std::thread thread_;
};

/// Blocking, with a limit on every wait, so that a test fails rather than hangs.
class raw_client {
 public:
  explicit raw_client(std::uint16_t port, int receive_buffer = 0) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    if (receive_buffer != 0) ::setsockopt(fd_, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    const int on = 1;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) != 0) throw std::runtime_error("cannot connect");
  }
  ~raw_client() { close(); }
  raw_client(raw_client&& other) noexcept : fd_(std::exchange(other.fd_, -1)), seen_(std::move(other.seen_)) {}
  raw_client(const raw_client&) = delete;
  raw_client& operator=(const raw_client&) = delete;
  raw_client& operator=(raw_client&&) = delete;

  int fd() const { return fd_; }
  void close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }
  void end_of_sending() { ::shutdown(fd_, SHUT_WR); }

  /// False when the server has closed.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
    return true;
  }

  /// Everything until the server closes; throws when it does not within `limit`.
  std::string read_to_end(std::chrono::milliseconds limit = std::chrono::seconds(10)) {
    const auto until = std::chrono::steady_clock::now() + limit;
    while (fill(until)) {
    }
    return std::exchange(seen_, {});
  }

  struct answer {
    int status = 0;
    std::string head, body;
    std::string header(std::string_view name) const {
      const std::string key = "\r\n" + std::string(name) + ": ";
      const std::size_t at = head.find(key);
      if (at == std::string::npos) return {};
      const std::size_t begin = at + key.size();
      return head.substr(begin, head.find("\r\n", begin) - begin);
    }
  };

  /// One answer, framed by Content-Length or chunks.
  answer read_answer(bool to_head = false) {
    answer a;
    a.head = read_until("\r\n\r\n");
    a.status = std::stoi(a.head.substr(9, 3));
    if (to_head || a.status == 304 || a.status == 204 || a.status < 200) return a;
    if (a.header("Transfer-Encoding") == "chunked") {
      for (std::string chunk = read_chunk(); !chunk.empty(); chunk = read_chunk()) a.body += chunk;
    } else if (const std::string length = a.header("Content-Length"); !length.empty()) {
      a.body = read_bytes(std::stoul(length));
    } else {
      a.body = read_to_end();
    }
    return a;
  }
  /// At most n bytes that are here already, thrown away.
  void drip(std::size_t n) {
    std::string dropped(n, '\0');
    static_cast<void>(::recv(fd_, dropped.data(), n, MSG_DONTWAIT));
  }
  std::string read_head() { return read_until("\r\n\r\n"); }
  /// The data of the next chunk; empty for the last one.
  std::string read_chunk() {
    const std::string size = read_until("\r\n");
    const std::string data = read_bytes(std::stoul(size, nullptr, 16));
    read_bytes(2);
    return data;
  }

 private:
  bool fill(std::chrono::steady_clock::time_point until) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    pollfd p{fd_, POLLIN, 0};
    if (left.count() <= 0 || ::poll(&p, 1, static_cast<int>(left.count())) <= 0)
      throw std::runtime_error("the server neither answered nor closed; seen: " + seen_);
    char buffer[16384];
    const ssize_t n = ::recv(fd_, buffer, sizeof buffer, 0);
    if (n <= 0) return false;
    seen_.append(buffer, static_cast<std::size_t>(n));
    return true;
  }
  std::string read_until(std::string_view mark) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (seen_.find(mark) == std::string::npos)
      if (!fill(until)) throw std::runtime_error("closed in the middle; seen: " + seen_);
    const std::size_t end = seen_.find(mark) + mark.size();
    std::string out = seen_.substr(0, end);
    seen_.erase(0, end);
    return out;
  }
  std::string read_bytes(std::size_t n) {
    const auto until = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (seen_.size() < n)
      if (!fill(until)) throw std::runtime_error("closed in the middle; seen: " + seen_);
    std::string out = seen_.substr(0, n);
    seen_.erase(0, n);
    return out;
  }

  int fd_;
  std::string seen_;
};

inline std::string get(std::string_view target, std::string_view headers = {}) {
  return "GET " + std::string(target) + " HTTP/1.1\r\nHost: test\r\n" + std::string(headers) + "\r\n";
}

inline std::string post(std::string_view target, std::string_view body, std::string_view headers = {}) {
  return "POST " + std::string(target) + " HTTP/1.1\r\nHost: test\r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n" + std::string(headers) + "\r\n" + std::string(body);
}

}  // namespace distsys::net::test
