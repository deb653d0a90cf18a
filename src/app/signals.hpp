// SIGTERM, SIGINT and SIGHUP, on a thread of their own, so that a second request to stop works whatever the loops do.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>

#include <chrono>
#include <functional>
#include <thread>

namespace distsys::app {

class signals {
 public:
  /// The callbacks are called on the thread of the signals. The first SIGTERM or SIGINT calls `stop`; one more ends the
  /// process at once with 128 and the signal's number.
  signals(std::function<void(int)> stop, std::function<void()> reload);
  ~signals();
  signals(const signals&) = delete;
  signals& operator=(const signals&) = delete;

  /// The process stops for another reason: from now on any signal is a second one.
  void stopping();
  /// Ends the process with exit code 70 when it still lives after `limit`. Any thread.
  void end_by(std::chrono::milliseconds limit);

 private:
  void wait();

  boost::asio::io_context context_{1};
  boost::asio::signal_set set_;
  boost::asio::steady_timer limit_;
  std::function<void(int)> stop_;
  std::function<void()> reload_;
  bool stopping_ = false;  // of the thread
  std::thread thread_;
};

}  // namespace distsys::app
