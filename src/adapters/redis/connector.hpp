// Opens a connection that is ready for commands: names, sentinels, TCP or a Unix socket, TLS, login, database.
#pragma once

#include "options.hpp"
#include "reply_reader.hpp"
#include "stream.hpp"

#include "distsys/runtime/awaitable.hpp"
#include "distsys/runtime/clock.hpp"

#include <memory>
#include <vector>

namespace distsys::adapters::redis {

class command;

/// Any number may share the settings; one connect() of a connector at a time.
class connector {
 public:
  connector(std::shared_ptr<const options> settings, std::shared_ptr<asio::ssl::context> tls)
      : options_(std::move(settings)), tls_(std::move(tls)) {}

  /// Ends within the connect timeout. errc::unavailable says which server and why, never a secret; errc::cancelled.
  awaitable<result<std::unique_ptr<stream>>> connect();

 private:
  awaitable<result<std::unique_ptr<stream>>> connect_once(runtime::deadline limit);
  awaitable<result<std::unique_ptr<stream>>> open_server(server_address where, runtime::deadline limit);
  awaitable<result<std::unique_ptr<stream>>> open_socket(runtime::deadline limit);
  awaitable<result<std::unique_ptr<stream>>> secured(std::shared_ptr<raw_socket> socket, std::string host,
                                                     runtime::deadline limit);
  awaitable<result<void>> log_in(stream& s, runtime::deadline limit);
  awaitable<result<server_address>> ask_sentinels(runtime::deadline limit);
  awaitable<result<server_address>> ask_sentinel(const server_address& sentinel, runtime::deadline limit);

  std::shared_ptr<const options> options_;
  std::shared_ptr<asio::ssl::context> tls_;
  std::size_t first_sentinel_ = 0;  // the one that answered last time
};

}  // namespace distsys::adapters::redis
