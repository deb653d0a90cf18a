// One connection on one loop: connects, keeps its pipeline moving, holds calls to their deadlines, cancels.
#pragma once

#include "canceller.hpp"
#include "distsys/runtime/task_group.hpp"
#include "exchange.hpp"
#include "options.hpp"
#include "pipeline.hpp"

#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/posix/basic_stream_descriptor.hpp>
#include <boost/asio/post.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace distsys::adapters::postgres {

/// Used on its loop only. Lives until it is closed and its last handler has run.
class session : public std::enable_shared_from_this<session> {
 public:
  struct surroundings {
    executor where;
    const options* settings;  // these two outlive every open session
    canceller* cancels;
    std::vector<std::string> setup;  // statements before anything else
    std::size_t first_address = 0;   // which one is tried first
    /// It is of no more use. Called once; told whether it had been established.
    std::function<void(session*, const error&, bool)> closed;
    std::function<void(std::string_view channel, std::string_view payload)> notified;
  };

  explicit session(surroundings s);
  session(const session&) = delete;
  session& operator=(const session&) = delete;

  /// Connects; what is submitted meanwhile waits. A task of a group.
  static awaitable<void> open(std::shared_ptr<session> self);

  /// Answers, at the latest when the deadline and a short grace have passed, what became of it: see `failure`. A shared
  /// one may then still be on its way.
  awaitable<void> perform(std::shared_ptr<exchange> e);
  void submit(std::shared_ptr<exchange> e);

  /// Closes it: what is under way fails with `why`.
  void close(const error& why);

  bool connected() const noexcept { return state_ == state::ready; }
  bool open_or_opening() const noexcept { return state_ != state::closed; }
  bool in_transaction() const noexcept { return pipeline_.in_transaction(); }
  bool in_failed_transaction() const noexcept { return pipeline_.in_failed_transaction(); }
  std::size_t load() const noexcept { return pipeline_.size(); }
  /// Requests to cancel that were made: a statement may have been ended by one that was meant for another.
  std::uint64_t cancels() const noexcept { return cancels_made_; }
  /// Calls back when nothing is under way any more, or it is closed.
  void when_quiet(std::function<void()> then);

 private:
  enum class state { opening, ready, closed };
  using descriptor = asio::posix::basic_stream_descriptor<executor>;
  using timer =
      asio::basic_waitable_timer<std::chrono::steady_clock, asio::wait_traits<std::chrono::steady_clock>, executor>;

  void adopt(pg_connection c);
  void advance();
  void send();
  void receive();
  void lose();
  void wait_readable();
  void wait_writable();
  void take_notifications();
  void check_quiet();

  void wake_at(runtime::deadline t);
  void look_at_deadlines();
  void end_late(std::size_t i, runtime::deadline now, runtime::deadline& next);
  void give_until(runtime::deadline t);
  bool late_for_good(runtime::deadline now) const { return last_chance_ <= now && !pipeline_.empty(); }
  void cancel(const std::shared_ptr<exchange>& e);
  void ask_server_to_cancel();

  surroundings around_;
  state state_ = state::opening;
  pipeline pipeline_;
  descriptor socket_;
  timer timer_;
  runtime::deadline timer_set_ = runtime::deadline::max();
  runtime::deadline last_chance_ = runtime::deadline::max();  // of the first exchange: then the connection is closed
  const exchange* last_chance_of_ = nullptr;                  // which one that was; only compared
  bool reading_ = false, writing_ = false, cancelling_ = false;
  std::uint64_t cancels_made_ = 0;
  runtime::deadline cancel_until_{};        // of the request under way
  std::shared_ptr<const void> still_open_;  // that request waits for its turn no longer than this
  std::function<void()> when_quiet_;
};

}  // namespace distsys::adapters::postgres
