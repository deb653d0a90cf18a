// The calls of a connection that are not written yet, and how many bytes they and the write under way hold.
#pragma once

#include "loop_figures.hpp"
#include "request.hpp"

#include "distsys/ports/kv_store.hpp"

#include <boost/asio/buffer.hpp>

#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace distsys::adapters::redis {

/// What one write takes. Must outlive it.
struct batch {
  std::string small;
  std::vector<ports::shared_bytes> large;
  std::vector<asio::const_buffer> buffers;
  std::size_t bytes = 0;
};

/// Used on the connection's loop only. A call that ends before it was written gives its bytes back at once.
class send_queue {
 public:
  static constexpr std::size_t max_bytes = 256u << 20;

  /// Counts its bytes in `figures`.
  explicit send_queue(std::shared_ptr<loop_figures> figures) : figures_(std::move(figures)) {}
  ~send_queue() { take(); }
  send_queue(const send_queue&) = delete;
  send_queue& operator=(const send_queue&) = delete;

  std::size_t calls() const noexcept { return waiting_.size() - ended_; }
  /// Of the calls that wait, and of batches until written().
  std::size_t bytes() const noexcept { return bytes_; }
  bool has_room_for(const request& r) const noexcept { return r.commands.bytes() <= max_bytes - bytes_; }

  void push(std::shared_ptr<request> r);
  /// The next calls, a few megabytes of them at the most but one at the least; appends them to `sent`. Nothing: none
  /// waits.
  std::shared_ptr<batch> next(std::deque<std::shared_ptr<request>>& sent);
  /// The write of it has ended, whether or not it succeeded.
  void written(const batch& b) noexcept { count(-static_cast<std::int64_t>(b.bytes)); }
  /// All that wait: they are no longer its own.
  std::vector<std::shared_ptr<request>> take();
  /// Ends those whose time is over; the earliest deadline of the others.
  runtime::deadline expire(runtime::deadline now, const error& why);

 private:
  friend class request;
  void left(request& r) noexcept;  // it has ended
  void sweep();
  void count(std::int64_t bytes) noexcept {
    bytes_ += static_cast<std::size_t>(bytes);
    add(figures_->bytes, bytes);
  }

  const std::shared_ptr<loop_figures> figures_;
  std::deque<std::shared_ptr<request>> waiting_;
  std::size_t ended_ = 0;  // of waiting_: without bytes, to be swept
  std::size_t bytes_ = 0;
};

}  // namespace distsys::adapters::redis
