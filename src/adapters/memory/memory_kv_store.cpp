#include "memory_kv_store.hpp"

#include "distsys/foundation/text.hpp"
#include "driver.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace distsys::adapters::memory {

namespace {

constexpr std::uint64_t default_size = 64u << 20;

entry_map::time expiry(entry_map::time now, ports::time_to_live ttl) {
  // A TTL of centuries is as good as none, and would overflow the clock.
  if (ttl.count() <= 0 || ttl > std::chrono::years(100)) return entry_map::time::max();
  return now + ttl;
}

std::string eviction_list() {
  std::string list;
  for (const auto name : caching::eviction_names) list.append(list.empty() ? "" : ", ").append(name);
  return list;
}

result<std::shared_ptr<ports::kv_store>> open(const url& address, const ports::driver_environment&) {
  static constexpr std::array<std::string_view, 2> known{"max", "eviction"};
  if (auto ok = address.check_parameters(known); !ok) return ok.error();
  if (!address.path().empty() || !address.host().empty())
    return error{errc::invalid, "memory: has neither host nor path (memory:, memory:?max=64MiB&eviction=lfu)"};
  std::uint64_t size = default_size;
  if (const auto text = address.parameter("max")) {
    const auto parsed = parse_size(*text);
    if (!parsed || *parsed < 64u << 10)
      return error{errc::invalid,
                   "memory: max=" + std::string(*text) + ": expected a size of at least 64KiB, like 64MiB"};
    size = *parsed;
  }
  auto how = caching::default_eviction;
  if (const auto text = address.parameter("eviction")) {
    const auto parsed = caching::parse_eviction(*text);
    if (!parsed)
      return error{errc::invalid, "memory: eviction=" + std::string(*text) + ": expected one of " + eviction_list()};
    how = *parsed;
  }
  return std::shared_ptr<ports::kv_store>(std::make_shared<memory_kv_store>(size, how));
}

}  // namespace

const ports::driver kv_store_driver{"memory", "built in", "keys and values in this process, nothing shared",
                                    "memory:?max=64MiB&eviction=lfu", ports::open_function<ports::kv_store>(&open)};

memory_kv_store::memory_kv_store(std::size_t max_bytes, caching::eviction how)
    : kv_store("memory"), entries_(max_bytes, how) {}

awaitable<result<ports::shared_bytes>> memory_kv_store::do_get(const context&, std::string key) {
  const std::lock_guard lock(mutex_);
  auto found = entries_.get(key, runtime::steady_now());
  if (!found) co_return error{errc::not_found};
  co_return found;
}

awaitable<result<std::vector<ports::shared_bytes>>> memory_kv_store::do_get_many(const context&,
                                                                                 std::vector<std::string> keys) {
  std::vector<bytes> found;
  found.reserve(keys.size());
  const std::lock_guard lock(mutex_);
  const auto now = runtime::steady_now();
  for (const std::string& key : keys) found.push_back(entries_.get(key, now));
  co_return found;
}

awaitable<result<void>> memory_kv_store::do_set(const context&, std::string key, bytes value, ttl t) {
  const std::lock_guard lock(mutex_);
  const auto now = runtime::steady_now();
  co_return entries_.set(std::move(key), std::move(value), 0, expiry(now, t), now);
}

awaitable<result<void>> memory_kv_store::do_set_if_absent(const context&, std::string key, bytes value, ttl t) {
  const std::lock_guard lock(mutex_);
  const auto now = runtime::steady_now();
  if (entries_.get(key, now)) co_return error{errc::already_exists};
  co_return entries_.set(std::move(key), std::move(value), 0, expiry(now, t), now);
}

awaitable<result<void>> memory_kv_store::do_set_if_newer(const context&, std::string key, bytes value,
                                                         std::uint64_t version, ttl t) {
  const std::lock_guard lock(mutex_);
  const auto now = runtime::steady_now();
  if (const auto known = entries_.version_to_beat(key, now); known && *known >= version)
    co_return error{errc::conflict};
  co_return entries_.set(std::move(key), std::move(value), version, expiry(now, t), now);
}

awaitable<result<void>> memory_kv_store::do_invalidate(const context&, std::string key, std::uint64_t version, ttl t) {
  const std::lock_guard lock(mutex_);
  const auto now = runtime::steady_now();
  auto until = expiry(now, t);
  if (const auto known = entries_.version_of(key, now); known && *known >= version) {
    if (*known > version) co_return result<void>{};
    // The same tombstone again lives as long as the longer of the two.
    if (!entries_.get(key, now)) until = std::max(until, entries_.expiry_of(key, now));
  }
  co_return entries_.bury(std::move(key), version, until, now);
}

awaitable<result<bool>> memory_kv_store::do_erase(const context&, std::string key) {
  const std::lock_guard lock(mutex_);
  co_return entries_.erase(key, runtime::steady_now());
}

awaitable<result<std::int64_t>> memory_kv_store::do_increment(const context&, std::string key, std::int64_t by, ttl t) {
  const std::lock_guard lock(mutex_);
  const auto now = runtime::steady_now();
  std::int64_t value = 0;
  auto until = expiry(now, t);
  if (const auto stored = entries_.get(key, now)) {
    const auto* const end = stored->data() + stored->size();
    const auto [stop, problem] = std::from_chars(stored->data(), end, value);
    if (problem != std::errc{} || stop != end)
      co_return error{errc::invalid, "memory: increment of what is no integer"};
    until = entries_.expiry_of(key, now);
  }
  std::int64_t sum = 0;
  if (__builtin_add_overflow(value, by, &sum))
    co_return error{errc::invalid, "memory: increment beyond what 64 bits hold"};
  auto text = std::make_shared<const std::string>(std::to_string(sum));
  if (auto done = entries_.set(std::move(key), std::move(text), 0, until, now); !done) co_return done.error();
  co_return sum;
}

awaitable<result<void>> memory_kv_store::do_publish(const context&, std::string channel, std::string message) {
  channels_.publish(channel, std::move(message));
  co_return result<void>{};
}

std::unique_ptr<ports::message_listener> memory_kv_store::do_subscribe(std::string channel) {
  return channels_.subscribe(std::move(channel));
}

awaitable<result<void>> memory_kv_store::do_ping(const context&) { co_return result<void>{}; }

}  // namespace distsys::adapters::memory
