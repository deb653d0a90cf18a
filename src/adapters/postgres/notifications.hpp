// NOTIFY for what this process announces, and LISTEN for what others do.
#pragma once

#include "distsys/ports/change_hub.hpp"
#include "distsys/ports/wake_signal.hpp"
#include "loop_pool.hpp"

#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>

namespace distsys::adapters::postgres {

/// Sends NOTIFY from one loop; announcements that come while one is on its way are sent as one. Used on its loop only.
class notifier {
 public:
  notifier(loop_pool& pool, runtime::task_group& tasks, std::string sender)
      : pool_(pool), tasks_(tasks), sender_(std::move(sender)) {}
  void notify(std::string channel);
  /// Nothing is left to send.
  bool quiet() const noexcept { return channels_.empty(); }

 private:
  static awaitable<void> send(notifier& self, std::string channel);
  enum class state { sending, again };
  loop_pool& pool_;
  runtime::task_group& tasks_;
  const std::string sender_;
  std::map<std::string, state, std::less<>> channels_;
};

/// One connection that listens to all channels somebody here waits for. After each connection everybody is woken:
/// nobody knows what was missed.
class notification_listener {
 public:
  notification_listener(const options& settings, canceller& cancels, ports::change_hub& hub, std::string sender);

  /// Any thread. The first call asks for a task: run().
  bool add(std::string channel);
  /// Until cancelled.
  static awaitable<void> run(notification_listener& self);

 private:
  awaitable<bool> listen_to_new(session& on);
  std::shared_ptr<session> make_session(executor where);

  const options& settings_;
  canceller& cancels_;
  ports::change_hub& hub_;
  std::size_t first_address_ = 0;  // that the next attempt to connect tries first
  const std::string sender_;       // our own notifications carry it: who waits here was woken before
  const std::shared_ptr<ports::wake_signal> changed_ = std::make_shared<ports::wake_signal>();
  std::mutex mutex_;
  std::set<std::string> wanted_;
  bool started_ = false;
  std::set<std::string> heard_;  // of the task
};

}  // namespace distsys::adapters::postgres
