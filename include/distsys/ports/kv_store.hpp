// The key-value port: a shared cache with expiry, versions and messages.
#pragma once

#include "distsys/foundation/error.hpp"
#include "distsys/ports/call_context.hpp"
#include "distsys/ports/health.hpp"
#include "distsys/ports/resilience.hpp"
#include "distsys/runtime/awaitable.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace distsys::ports {

/// Immutable bytes that may be shared between the store, callers and sockets without a copy.
using shared_bytes = std::shared_ptr<const std::string>;

/// Zero or less means: no expiry.
using time_to_live = std::chrono::milliseconds;

class message_listener {
 public:
  virtual ~message_listener() = default;
  /// The next message. errc::timeout at the deadline; errc::unavailable once after a reconnection or an overflow, when
  /// messages may have been missed; errc::cancelled. One waiter at a time.
  virtual awaitable<result<std::string>> next(const call_context& context) = 0;
};

/// A key is used either with versions (set_if_newer, invalidate) or without (set, set_if_absent, increment); get, and
/// erase, which forgets the version too, suit both.
///
/// Keys up to 1 KiB, values and messages up to 64 MiB (errc::too_large). Any loop may call.
class kv_store {
 public:
  static constexpr std::size_t max_value_bytes = 64u << 20;  // of a message too

  explicit kv_store(std::string driver_name, const resilience& policy = {});
  virtual ~kv_store();
  kv_store(const kv_store&) = delete;
  kv_store& operator=(const kv_store&) = delete;

  /// errc::not_found when absent or expired.
  awaitable<result<shared_bytes>> get(const call_context& context, std::string key);
  /// One answer a key, in order; a null pointer where absent, or where what another program left there cannot be read.
  awaitable<result<std::vector<shared_bytes>>> get_many(const call_context& context, std::vector<std::string> keys);
  awaitable<result<void>> set(const call_context& context, std::string key, shared_bytes value, time_to_live ttl = {});
  /// errc::already_exists when the key is there.
  awaitable<result<void>> set_if_absent(const call_context& context, std::string key, shared_bytes value,
                                        time_to_live ttl = {});
  /// Takes effect only when `version` is greater than that of the stored value or of its tombstone; else
  /// errc::conflict. How a cache is filled: a fill that raced with an invalidation loses.
  awaitable<result<void>> set_if_newer(const call_context& context, std::string key, shared_bytes value,
                                       std::uint64_t version, time_to_live ttl = {});
  /// Removes what is not newer than `version` and leaves a tombstone for `ttl`: older and equal set_if_newer lose
  /// against it.
  awaitable<result<void>> invalidate(const call_context& context, std::string key, std::uint64_t version,
                                     time_to_live ttl);
  /// True when it was there.
  awaitable<result<bool>> erase(const call_context& context, std::string key);
  /// The number after adding; starts at 0 with `ttl`. errc::invalid when the value is no integer or the sum
  /// would not fit.
  awaitable<result<std::int64_t>> increment(const call_context& context, std::string key, std::int64_t by,
                                            time_to_live ttl = {});
  awaitable<result<void>> publish(const call_context& context, std::string channel, std::string message);
  std::unique_ptr<message_listener> subscribe(std::string channel) { return do_subscribe(std::move(channel)); }
  awaitable<result<void>> ping(const call_context& context);

  /// False for `memory:`: there is no second layer, and callers may skip it.
  virtual bool shared_between_processes() const noexcept = 0;
  health_state health() const { return calls_.health(); }
  virtual awaitable<void> close() = 0;

 private:
  virtual awaitable<result<shared_bytes>> do_get(const call_context& context, std::string key) = 0;
  virtual awaitable<result<std::vector<shared_bytes>>> do_get_many(const call_context& context,
                                                                   std::vector<std::string> keys) = 0;
  virtual awaitable<result<void>> do_set(const call_context& context, std::string key, shared_bytes value,
                                         time_to_live ttl) = 0;
  virtual awaitable<result<void>> do_set_if_absent(const call_context& context, std::string key, shared_bytes value,
                                                   time_to_live ttl) = 0;
  virtual awaitable<result<void>> do_set_if_newer(const call_context& context, std::string key, shared_bytes value,
                                                  std::uint64_t version, time_to_live ttl) = 0;
  virtual awaitable<result<void>> do_invalidate(const call_context& context, std::string key, std::uint64_t version,
                                                time_to_live ttl) = 0;
  virtual awaitable<result<bool>> do_erase(const call_context& context, std::string key) = 0;
  virtual awaitable<result<std::int64_t>> do_increment(const call_context& context, std::string key, std::int64_t by,
                                                       time_to_live ttl) = 0;
  virtual awaitable<result<void>> do_publish(const call_context& context, std::string channel, std::string message) = 0;
  virtual std::unique_ptr<message_listener> do_subscribe(std::string channel) = 0;
  virtual awaitable<result<void>> do_ping(const call_context& context) = 0;

  struct operations;
  call_monitor calls_;
  std::unique_ptr<const operations> operations_;
};

}  // namespace distsys::ports
