// The key-value port in the memory of this process: for one process, for tests, and where there is no second layer.
#pragma once

#include "channels.hpp"
#include "distsys/ports/kv_store.hpp"
#include "entry_map.hpp"

#include <mutex>

namespace distsys::adapters::memory {

/// One lock: each call holds it for a fraction of a microsecond, and get_many sees one moment.
class memory_kv_store final : public ports::kv_store {
 public:
  explicit memory_kv_store(std::size_t max_bytes, caching::eviction how = caching::default_eviction);

  bool shared_between_processes() const noexcept override { return false; }
  awaitable<void> close() override { co_return; }

 private:
  using context = ports::call_context;
  using bytes = ports::shared_bytes;
  using ttl = ports::time_to_live;

  awaitable<result<bytes>> do_get(const context&, std::string key) override;
  awaitable<result<std::vector<bytes>>> do_get_many(const context&, std::vector<std::string> keys) override;
  awaitable<result<void>> do_set(const context&, std::string key, bytes value, ttl t) override;
  awaitable<result<void>> do_set_if_absent(const context&, std::string key, bytes value, ttl t) override;
  awaitable<result<void>> do_set_if_newer(const context&, std::string key, bytes value, std::uint64_t version,
                                          ttl t) override;
  awaitable<result<void>> do_invalidate(const context&, std::string key, std::uint64_t version, ttl t) override;
  awaitable<result<bool>> do_erase(const context&, std::string key) override;
  awaitable<result<std::int64_t>> do_increment(const context&, std::string key, std::int64_t by, ttl t) override;
  awaitable<result<void>> do_publish(const context&, std::string channel, std::string message) override;
  std::unique_ptr<ports::message_listener> do_subscribe(std::string channel) override;
  awaitable<result<void>> do_ping(const context&) override;

  std::mutex mutex_;
  entry_map entries_;
  channels channels_;
};

}  // namespace distsys::adapters::memory
