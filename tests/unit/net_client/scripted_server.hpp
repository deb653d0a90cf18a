// A server that plays a script with plain blocking sockets: what a client must live with, byte by byte.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace distsys::tests {

/// One accepted connection, on its own thread; closed when the script returns.
class script_connection {
 public:
  explicit script_connection(int fd) : fd_(fd) {}

  /// A request's head; empty at the end of input.
  std::string read_head() {
    for (;;) {
      if (const auto end = input_.find("\r\n\r\n"); end != std::string::npos) {
        std::string head = input_.substr(0, end + 4);
        input_.erase(0, end + 4);
        return head;
      }
      char bytes[4096];
      const auto n = ::recv(fd_, bytes, sizeof bytes, 0);
      if (n <= 0) return {};
      input_.append(bytes, static_cast<std::size_t>(n));
    }
  }
  void send(std::string_view bytes) {
    while (!bytes.empty()) {
      const auto n = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (n <= 0) return;
      bytes.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  void wait_for_close() {
    std::vector<char> bytes(64u << 10);
    while (::recv(fd_, bytes.data(), bytes.size(), 0) > 0) {
    }
  }
  /// Ends with a reset instead of a FIN.
  void reset() {
    const linger now{1, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &now, sizeof now);
  }

 private:
  int fd_;
  std::string input_;
};

class scripted_server {
 public:
  using script = std::function<void(script_connection&)>;

  explicit scripted_server(script play) : play_(std::move(play)), listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof a;
    if (::bind(listener_, reinterpret_cast<sockaddr*>(&a), size) != 0 || ::listen(listener_, 128) != 0)
      throw std::runtime_error("cannot listen");
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&a), &size);
    port_ = ntohs(a.sin_port);
    acceptor_ = std::thread([this] { accept(); });
  }
  ~scripted_server() {
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    for (auto& t : players_) t.join();
    ::close(listener_);
  }
  scripted_server(const scripted_server&) = delete;
  scripted_server& operator=(const scripted_server&) = delete;

  std::uint16_t port() const { return port_; }
  int connections() const { return connections_; }

 private:
  void accept() {
    for (;;) {
      const int fd = ::accept(listener_, nullptr, nullptr);
      if (fd < 0) return;
      ++connections_;
      players_.emplace_back([this, fd] {
        script_connection c(fd);
        play_(c);
        ::close(fd);
      });
    }
  }

  script play_;
  int listener_;
  std::uint16_t port_ = 0;
  std::atomic<int> connections_{0};
  std::vector<std::thread> players_;  // of the acceptor's thread, until it is joined
  std::thread acceptor_;
};

}  // namespace distsys::tests
