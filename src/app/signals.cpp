#include "src/app/signals.hpp"

#include "distsys/app/command.hpp"
#include "distsys/foundation/log.hpp"

#include <boost/asio/post.hpp>

#include <unistd.h>
#include <csignal>
#include <cstring>
#include <utility>

namespace distsys::app {

signals::signals(std::function<void(int)> stop, std::function<void()> reload)
    : set_(context_, SIGTERM, SIGINT, SIGHUP), limit_(context_), stop_(std::move(stop)), reload_(std::move(reload)) {
  wait();
  thread_ = std::thread([this] { context_.run(); });
}

signals::~signals() {
  context_.stop();
  thread_.join();
}

void signals::wait() {
  set_.async_wait([this](const boost::system::error_code& failed, int number) {
    if (failed) return;
    if (number == SIGHUP) {
      reload_();
    } else if (stopping_) {
      log::warn("a second signal: the process ends at once", {{"signal", ::strsignal(number)}});
      ::_exit(128 + number);
    } else {
      stopping_ = true;
      stop_(number);
    }
    wait();
  });
}

void signals::stopping() {
  boost::asio::post(context_, [this] { stopping_ = true; });
}

void signals::end_by(std::chrono::milliseconds limit) {
  boost::asio::post(context_, [this, limit] {
    limit_.expires_after(limit);
    limit_.async_wait([](const boost::system::error_code& cancelled) {
      if (cancelled) return;
      log::error("the process does not come to its end: given up");
      ::_exit(exit_bug);
    });
  });
}

}  // namespace distsys::app
