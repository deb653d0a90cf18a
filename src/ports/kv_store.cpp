#include "distsys/ports/kv_store.hpp"

#include "measured.hpp"

#include <utility>

namespace distsys::ports {

namespace {

constexpr std::size_t max_key = 1024;

result<void> check_key(std::string_view key) {
  if (key.size() <= max_key) return {};
  return error{errc::too_large, "a key of " + std::to_string(key.size()) + " bytes (at most 1 KiB)"};
}

result<void> check_pair(std::string_view key, const shared_bytes& value) {
  if (auto ok = check_key(key); !ok) return ok;
  if (!value) return error{errc::invalid, "a key was set to no value"};
  if (value->size() <= kv_store::max_value_bytes) return {};
  return error{errc::too_large, "a value of " + std::to_string(value->size()) + " bytes (at most 64 MiB)"};
}

result<void> check_keys(const std::vector<std::string>& keys) {
  for (const std::string& key : keys)
    if (auto ok = check_key(key); !ok) return ok;
  return {};
}

}  // namespace

struct kv_store::operations {
  call_monitor::operation get, get_many, set, set_if_absent, set_if_newer, invalidate, erase, increment, publish, ping;
};

kv_store::kv_store(std::string driver_name, const resilience& policy)
    : calls_("kv_store", std::move(driver_name), policy),
      operations_(new operations{calls_.make_operation("get"), calls_.make_operation("get_many"),
                                 calls_.make_operation("set"), calls_.make_operation("set_if_absent"),
                                 calls_.make_operation("set_if_newer"), calls_.make_operation("invalidate"),
                                 calls_.make_operation("erase"), calls_.make_operation("increment"),
                                 calls_.make_operation("publish"), calls_.make_operation("ping")}) {}

kv_store::~kv_store() = default;

awaitable<result<shared_bytes>> kv_store::get(const call_context& context, std::string key) {
  const auto check = [&] { return check_key(key); };
  const auto attempt = [&](bool last) { return do_get(context, last ? std::move(key) : key); };
  DISTSYS_PORT_IDEMPOTENT_CALL(operations_->get, context, check, attempt)
}

awaitable<result<std::vector<shared_bytes>>> kv_store::get_many(const call_context& context,
                                                                std::vector<std::string> keys) {
  const auto check = [&] { return check_keys(keys); };
  const auto attempt = [&](bool last) { return do_get_many(context, last ? std::move(keys) : keys); };
  DISTSYS_PORT_IDEMPOTENT_CALL(operations_->get_many, context, check, attempt)
}

awaitable<result<void>> kv_store::set(const call_context& context, std::string key, shared_bytes value,
                                      time_to_live ttl) {
  const auto check = [&] { return check_pair(key, value); };
  const auto attempt = [&](bool last) {
    return do_set(context, last ? std::move(key) : key, last ? std::move(value) : value, ttl);
  };
  DISTSYS_PORT_IDEMPOTENT_CALL(operations_->set, context, check, attempt)
}

awaitable<result<void>> kv_store::set_if_absent(const call_context& context, std::string key, shared_bytes value,
                                                time_to_live ttl) {
  const auto check = [&] { return check_pair(key, value); };
  DISTSYS_PORT_CALL(operations_->set_if_absent, context, check,
                    do_set_if_absent(context, std::move(key), std::move(value), ttl));
}

awaitable<result<void>> kv_store::set_if_newer(const call_context& context, std::string key, shared_bytes value,
                                               std::uint64_t version, time_to_live ttl) {
  const auto check = [&] { return check_pair(key, value); };
  DISTSYS_PORT_CALL(operations_->set_if_newer, context, check,
                    do_set_if_newer(context, std::move(key), std::move(value), version, ttl));
}

awaitable<result<void>> kv_store::invalidate(const call_context& context, std::string key, std::uint64_t version,
                                             time_to_live ttl) {
  const auto check = [&] { return check_key(key); };
  DISTSYS_PORT_CALL(operations_->invalidate, context, check, do_invalidate(context, std::move(key), version, ttl));
}

awaitable<result<bool>> kv_store::erase(const call_context& context, std::string key) {
  const auto check = [&] { return check_key(key); };
  DISTSYS_PORT_CALL(operations_->erase, context, check, do_erase(context, std::move(key)));
}

awaitable<result<std::int64_t>> kv_store::increment(const call_context& context, std::string key, std::int64_t by,
                                                    time_to_live ttl) {
  const auto check = [&] { return check_key(key); };
  DISTSYS_PORT_CALL(operations_->increment, context, check, do_increment(context, std::move(key), by, ttl));
}

awaitable<result<void>> kv_store::publish(const call_context& context, std::string channel, std::string message) {
  const auto check = [&]() -> result<void> {
    if (message.size() <= max_value_bytes) return check_key(channel);
    return error{errc::too_large, "a message of " + std::to_string(message.size()) + " bytes (at most 64 MiB)"};
  };
  DISTSYS_PORT_CALL(operations_->publish, context, check, do_publish(context, std::move(channel), std::move(message)));
}

awaitable<result<void>> kv_store::ping(const call_context& context) {
  DISTSYS_PORT_PROBE(operations_->ping, context, do_ping(context));
}

}  // namespace distsys::ports
