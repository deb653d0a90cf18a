// The store's one connection for messages: subscribes to what listeners want, and again after it was lost.
#pragma once

#include "backoff.hpp"
#include "connector.hpp"
#include "time_limit.hpp"

#include "distsys/ports/mailbox.hpp"
#include "distsys/runtime/task_group.hpp"

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace distsys::adapters::redis {

/// Any thread may subscribe; the connection lives on one loop. It exists while there are listeners.
class subscriptions : public std::enable_shared_from_this<subscriptions> {
 public:
  subscriptions(executor loop, std::shared_ptr<const options> settings, std::shared_ptr<asio::ssl::context> tls,
                runtime::task_group& tasks);

  std::unique_ptr<ports::message_listener> subscribe(std::string channel);

  /// Returns when the server knows of every listener of the channel in this process, so that what is published next
  /// reaches them; at once when there is none, or when the server cannot be reached. errc::timeout, errc::cancelled.
  awaitable<result<void>> settled(const std::string& channel, runtime::deadline limit);

  executor loop() const noexcept { return loop_; }
  /// On the loop. For good: listeners hear nothing more.
  void close();

 private:
  struct channel_state {
    std::vector<std::weak_ptr<ports::mailbox>> boxes;
    bool asked = false;      // SUBSCRIBE was sent on the present connection
    bool confirmed = false;  // and answered
    bool missed = false;     // since the last answer the connection was lost or could not be made
  };

  static void drop_expired(channel_state& c);
  bool drop_unheard();  // mutex_ is held; true when channels are left
  awaitable<void> run();
  awaitable<bool> open();
  awaitable<error> serve();
  result<void> take(const reply& r);
  void deliver(const std::string& channel, std::string message);
  void confirm(const std::string& channel);
  void lost();
  awaitable<bool> refused(const error& why);
  bool wanted();
  void send();
  void beat();
  void wake_waiting();  // mutex_ is held

  const executor loop_;
  const std::shared_ptr<const options> settings_;
  connector connector_;
  runtime::task_group& tasks_;

  std::mutex mutex_;
  std::map<std::string, channel_state, std::less<>> channels_;
  std::vector<std::weak_ptr<ports::wake_signal>> waiting_;
  bool running_ = false, closed_ = false;
  bool reachable_ = true;                    // the last attempt to connect did not fail, nor was it refused
  std::atomic<std::size_t> unconfirmed_{0};  // channels; so that settled() costs one load when there is none

  // The loop's alone:
  std::shared_ptr<stream> stream_;
  backoff backoff_;
  timer pulse_;
  std::vector<std::string> unwanted_;  // channels to leave
  bool writing_ = false, heard_ = true, ping_ = false;
  bool confirmed_here_ = false;  // something was, on the present connection
  std::string told_;             // the last refusal in the log
};

}  // namespace distsys::adapters::redis
