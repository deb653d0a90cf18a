// A connection for commands: everything that waits is written at once, answers come in order, and it comes back by
// itself.
#pragma once

#include "backoff.hpp"
#include "connector.hpp"
#include "loop_figures.hpp"
#include "reply_reader.hpp"
#include "request.hpp"
#include "send_queue.hpp"
#include "time_limit.hpp"
#include "upload.hpp"

#include "distsys/foundation/metrics.hpp"
#include "distsys/runtime/task_group.hpp"

#include <boost/asio/async_result.hpp>

#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace distsys::adapters::redis {

/// Used on its loop only. Connects when the first call comes.
class connection : public std::enable_shared_from_this<connection> {
 public:
  struct environment {
    std::shared_ptr<const options> settings;
    std::shared_ptr<asio::ssl::context> tls;
    runtime::task_group& tasks;  // outlives the tasks
    std::shared_ptr<loop_figures> figures;
    metrics::counter& reconnects;
  };
  connection(executor loop, environment e);

  /// One reply a command. errc::timeout at the deadline and errc::cancelled, both at once, whatever became of the
  /// commands; errc::overloaded when too much waits; errc::unavailable (indeterminate for effect::once) when the
  /// connection breaks, and at once while the server cannot be reached.
  awaitable<result<std::vector<reply>>> call(std::shared_ptr<request> r);

  /// Ends the connection that there is, because it leads to the wrong server. It comes back after a pause. Without
  /// sentinels at most once a second.
  void renew(const std::string& why);
  /// For good: what waits fails with errc::unavailable.
  void close();

  std::size_t pending() const noexcept { return queue_.calls() + in_flight_.size(); }

 private:
  enum class state : std::uint8_t { idle, connecting, ready, waiting, closed };  // waiting: until the next attempt

  result<void> admit(const request& r) const;
  void enqueue(std::shared_ptr<request> r);
  awaitable<void> run();
  awaitable<bool> pause(const error& why);
  awaitable<error> serve();
  std::size_t next_reply_limit() const noexcept;
  result<void> take_in(reply_reader& reader, std::string_view bytes);
  error refuse(const error& e);
  error out_of_step();
  void schedule_flush();
  void flush();
  void lose(const error& why);
  void arm(runtime::deadline t);
  void on_time();
  void fail_queue(const error& why);
  void count_pending();
  runtime::deadline gives_up() const;
  error named(const error& e) const;

  const executor loop_;
  environment env_;
  connector connector_;
  const std::string name_;
  state state_ = state::idle;
  error last_failure_;    // why the last attempt to connect failed
  bool failing_ = false;  // it did, and none has succeeded since: calls need not wait for the next
  backoff backoff_;
  std::shared_ptr<stream> stream_;
  upload upload_;
  std::vector<char> in_;
  send_queue queue_;
  std::deque<std::shared_ptr<request>> in_flight_;  // written, in order
  std::int64_t counted_ = 0;                        // of pending(), in the figures
  bool writing_ = false, flush_scheduled_ = false, was_connected_ = false, heard_ = false;
  runtime::deadline last_read_{}, renewed_{};
  timer timer_;
  runtime::deadline armed_ = runtime::deadline::max();
};

}  // namespace distsys::adapters::redis
