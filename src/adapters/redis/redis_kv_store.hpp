// The key-value port on Redis: what each operation sends, and what the answers mean.
#pragma once

#include "connection.hpp"
#include "scripts.hpp"
#include "subscriptions.hpp"

#include "distsys/ports/kv_store.hpp"
#include "distsys/runtime/runtime.hpp"

#include <memory>
#include <string>
#include <vector>

namespace distsys::adapters::redis {

/// Connections are per loop, so any loop may call. The messages' connection lives on one of them.
class redis_kv_store final : public ports::kv_store {
 public:
  redis_kv_store(std::string driver_name, runtime::runtime& loops, options settings,
                 std::shared_ptr<asio::ssl::context> tls);

  bool shared_between_processes() const noexcept override { return true; }
  /// Calls that wait, and later ones, fail with errc::unavailable.
  awaitable<void> close() override;

 private:
  using context = ports::call_context;
  using bytes = ports::shared_bytes;
  using ttl = ports::time_to_live;
  using replies = std::vector<reply>;

  awaitable<result<bytes>> do_get(const context& c, std::string key) override;
  awaitable<result<std::vector<bytes>>> do_get_many(const context& c, std::vector<std::string> keys) override;
  awaitable<result<void>> do_set(const context& c, std::string key, bytes value, ttl t) override;
  awaitable<result<void>> do_set_if_absent(const context& c, std::string key, bytes value, ttl t) override;
  awaitable<result<void>> do_set_if_newer(const context& c, std::string key, bytes value, std::uint64_t version,
                                          ttl t) override;
  awaitable<result<void>> do_invalidate(const context& c, std::string key, std::uint64_t version, ttl t) override;
  awaitable<result<bool>> do_erase(const context& c, std::string key) override;
  awaitable<result<std::int64_t>> do_increment(const context& c, std::string key, std::int64_t by, ttl t) override;
  awaitable<result<void>> do_publish(const context& c, std::string channel, std::string message) override;
  std::unique_ptr<ports::message_listener> do_subscribe(std::string channel) override;
  awaitable<result<void>> do_ping(const context& c) override;

  /// Sends and waits: one reply a command; an error reply to the first becomes the error of the call.
  awaitable<result<replies>> ask(const context& c, command what, expected kind, effect e, std::size_t max_reply);
  /// One command, one reply.
  awaitable<result<reply>> ask_one(const context& c, command what, expected kind, effect e,
                                   std::size_t max_reply = small_reply);
  /// By the script's hash, and by its text when the server does not know it.
  awaitable<result<reply>> run_script(const context& c, const script& s, std::string key, std::string head, bytes value,
                                      std::string argument, expected kind, effect e);
  std::shared_ptr<connection> connection_of_this_loop();
  awaitable<void> close_loop(std::size_t index);
  awaitable<void> close_messages();

  static constexpr std::size_t small_reply = 64u << 10;

  const std::shared_ptr<const options> settings_;
  const std::shared_ptr<asio::ssl::context> tls_;
  runtime::runtime& loops_;
  runtime::task_group tasks_, closing_;
  std::vector<std::shared_ptr<loop_figures>> figures_;                 // by loop
  std::vector<std::vector<std::shared_ptr<connection>>> connections_;  // by loop; each touched on its loop only
  std::shared_ptr<subscriptions> subscriptions_;
  metrics::counter &unreadable_, &reconnects_;
  metrics::observed_gauge open_, pending_, bytes_;
  std::atomic<bool> closed_{false};
};

}  // namespace distsys::adapters::redis
