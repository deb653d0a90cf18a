// A TCP proxy before a real server that does to its answers what bad networks and bad servers do.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace distsys::tests {

/// What happens to the bytes that the server sends on a connection, from byte `at` of that connection on.
struct fault {
  enum class kind : std::uint8_t {
    none,     // all is forwarded
    close,    // then the connection is closed in order (what was sent is cut off)
    reset,    // then it is reset
    stall,    // then nothing more comes, in either direction, and the connection stays open
    replace,  // `bytes` stand in the place of as many of the server's, and the rest follows
    insert    // `bytes` come between the server's
  };
  kind what = kind::none;
  std::size_t at = 0;
  std::string bytes{};
  std::chrono::milliseconds delay{0};  // before each piece that is forwarded to the client
  std::size_t piece = 64u << 10;       // no more bytes at once to the client
  /// Before each piece of at most `client_piece` bytes that is read from the client: a slow upload. Little is buffered
  /// on the way.
  std::chrono::milliseconds client_delay{0};
  std::size_t client_piece = 64u << 10;
};

/// Runs on a thread of its own. Any thread may call.
class fault_peer {
 public:
  /// Forwards to 127.0.0.1:`server_port`. With port 0 there is no server: `bytes` are what every client gets.
  explicit fault_peer(std::uint16_t server_port, fault f = {});
  ~fault_peer();
  fault_peer(const fault_peer&) = delete;
  fault_peer& operator=(const fault_peer&) = delete;

  std::uint16_t port() const noexcept;  // of 127.0.0.1
  /// For connections that are accepted from now on.
  void set(fault f);
  /// For those that are open too: from the next byte on, whatever `at` says.
  void set_now(fault f);
  /// Ends every connection, by a reset.
  void drop_all();
  std::size_t connections() const noexcept;      // accepted so far
  std::size_t bytes_of_server() const noexcept;  // that have come from it so far, on all connections

 private:
  struct state;
  std::shared_ptr<state> state_;
};

}  // namespace distsys::tests
