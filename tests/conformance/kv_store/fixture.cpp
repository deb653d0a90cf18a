#include "fixture.hpp"

#include "distsys/foundation/url.hpp"
#include "distsys/runtime/random.hpp"
#include "tests/support/services.hpp"

#include <stdexcept>
#include <variant>

namespace distsys::tests {

namespace {

std::vector<kv_store_backend> embedded_and_started() {
  std::vector<kv_store_backend> all{
      {"memory", "memory:", "memory:?max=1MiB", {}},
      {"memory-lru", "memory:?eviction=lru", "memory:?max=1MiB&eviction=lru", {}},
      {"memory-s3-fifo", "memory:?eviction=s3-fifo", "memory:?max=1MiB&eviction=s3-fifo", {}},
      {"memory-w-tinylfu", "memory:?eviction=w-tinylfu", "memory:?max=1MiB&eviction=w-tinylfu", {}},
  };
  if (const auto address = service_url("redis")) {
    all.push_back({"redis", *address, {}, "redis"});
    all.push_back({"redis-socket", "redis://" + service_dir("redis") + "/redis.sock?db=1", {}, "redis"});
  }
  if (const auto address = service_url("redis-tls")) all.push_back({"rediss", *address, {}, "redis-tls"});
  return all;
}

}  // namespace

std::span<const kv_store_backend> kv_store_backends() {
  static const std::vector<kv_store_backend> all = embedded_and_started();
  return all;
}

namespace {

std::shared_ptr<ports::kv_store> open_kv_store(runtime::runtime& loops, const std::string& address) {
  const auto parsed = url::parse(address).value();
  for (const ports::driver& d : ports::drivers())
    if (const auto* open = std::get_if<ports::open_function<ports::kv_store>>(&d.open);
        open && d.scheme == parsed.scheme())
      return (*open)(parsed, {loops, std::filesystem::temp_directory_path()}).value();
  throw std::runtime_error("no driver for " + address);
}

awaitable<bool> close_kv_store(ports::kv_store& store) {
  co_await store.close();
  co_return true;
}

}  // namespace

std::uint16_t port_of(const std::string& address) { return url::parse(address)->port().value_or(0); }

std::string with_port(const std::string& address, std::uint16_t port) {
  const std::string before = ":" + std::to_string(port_of(address)) + "/";
  std::string changed = address;
  return changed.replace(changed.find(before), before.size(), ":" + std::to_string(port) + "/");
}

kv_store_case::kv_store_case(const kv_store_backend& b, const std::string& address)
    : backend(b), prefix("test:" + runtime::random_hex(8) + ":"), store(open_kv_store(loops.get(), address)) {}

kv_store_case::~kv_store_case() {
  loops.run(close_kv_store(*store));
  // Only where it was asked to watch: those that are struck are closed on other threads, where Catch must not be
  // called.
  if (watch.calls() > 0) CHECK(watch.late() == 0);
}

std::string kv_store_case::get(const std::string& k) {
  const auto c = soon();
  const auto answer = loops.run(store->get(c, key(k)));
  if (answer) return **answer;
  return answer.error() == errc::not_found ? "absent" : "error: " + answer.error().what();
}

result<void> kv_store_case::set(const std::string& k, std::string value, ports::time_to_live ttl) {
  const auto c = soon();
  return loops.run(store->set(c, key(k), bytes(std::move(value)), ttl));
}

result<void> kv_store_case::set_if_absent(const std::string& k, std::string value, ports::time_to_live ttl) {
  const auto c = soon();
  return loops.run(store->set_if_absent(c, key(k), bytes(std::move(value)), ttl));
}

result<void> kv_store_case::set_if_newer(const std::string& k, std::string value, std::uint64_t version,
                                         ports::time_to_live ttl) {
  const auto c = soon();
  return loops.run(store->set_if_newer(c, key(k), bytes(std::move(value)), version, ttl));
}

result<void> kv_store_case::invalidate(const std::string& k, std::uint64_t version, ports::time_to_live ttl) {
  const auto c = soon();
  return loops.run(store->invalidate(c, key(k), version, ttl));
}

result<bool> kv_store_case::erase(const std::string& k) {
  const auto c = soon();
  return loops.run(store->erase(c, key(k)));
}

result<std::int64_t> kv_store_case::increment(const std::string& k, std::int64_t by, ports::time_to_live ttl) {
  const auto c = soon();
  return loops.run(store->increment(c, key(k), by, ttl));
}

void kv_store_case::pass(runtime::deadline t) { loops.run(runtime::sleep_until(t)); }

}  // namespace distsys::tests
