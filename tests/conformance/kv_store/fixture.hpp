// What every case of the suite starts from: loops, an empty store, and short words for calls.
#pragma once

#include "distsys/ports/driver.hpp"
#include "tests/support/catch.hpp"
#include "tests/support/fault_peer.hpp"
#include "tests/support/loops.hpp"
#include "tests/support/matrix.hpp"
#include "tests/support/punctuality.hpp"
#include "tests/support/scratch_dir.hpp"
#include "tests/support/started.hpp"

#include <chrono>
#include <memory>
#include <ostream>
#include <span>
#include <string>
#include <vector>

namespace distsys::tests {

using namespace std::chrono_literals;
using ports::call_context;
using ports::shared_bytes;

struct kv_store_backend {
  std::string name;
  std::string url;        // of a store whose keys with the case's prefix are absent
  std::string small_url;  // of one that holds at most 1 MiB; empty: the limit is not ours to set
  std::string service;    // the server behind it (tests/services); empty: none
};

inline std::ostream& operator<<(std::ostream& out, const kv_store_backend& b) { return out << b.name; }

/// Another driver is another line in fixture.cpp.
std::span<const kv_store_backend> kv_store_backends();

/// The port of a URL on 127.0.0.1, and the URL with another one. 0 and the same URL where it names none.
std::uint16_t port_of(const std::string& address);
std::string with_port(const std::string& address, std::uint16_t port);

inline call_context soon() { return call_context::within(20s); }
inline shared_bytes bytes(std::string text) { return std::make_shared<const std::string>(std::move(text)); }

class kv_store_case {
 public:
  kv_store_case(const kv_store_backend& b, const std::string& address);
  ~kv_store_case();
  kv_store_case(const kv_store_case&) = delete;
  kv_store_case& operator=(const kv_store_case&) = delete;

  /// "absent" where there is none, "error: …" on another failure.
  std::string get(const std::string& k);
  result<void> set(const std::string& k, std::string value, ports::time_to_live ttl = {});
  result<void> set_if_absent(const std::string& k, std::string value, ports::time_to_live ttl = {});
  result<void> set_if_newer(const std::string& k, std::string value, std::uint64_t version,
                            ports::time_to_live ttl = {});
  result<void> invalidate(const std::string& k, std::uint64_t version, ports::time_to_live ttl = 1h);
  result<bool> erase(const std::string& k);
  result<std::int64_t> increment(const std::string& k, std::int64_t by = 1, ports::time_to_live ttl = {});
  /// A key of this case alone.
  std::string key(const std::string& k) const { return prefix + k; }
  /// Returns when the steady clock has passed `t`.
  void pass(runtime::deadline t);

  const kv_store_backend& backend;
  std::string prefix;
  running_loops loops{2};
  std::shared_ptr<ports::kv_store> store;
  /// Calls that it watched have ended by their deadlines and 100 ms: checked at the end of the case.
  punctuality watch;
};

}  // namespace distsys::tests

#define KV_STORE_CASE(guarantee) TEST_CASE(guarantee, "[kv_store]")
#define EACH_KV_STORE()                                                                                \
  const auto& backend_ = GENERATE(from_range(kv_store_backends().begin(), kv_store_backends().end())); \
  matrix::begin(backend_.name);                                                                        \
  kv_store_case t(backend_, backend_.url)
/// Those behind a server, whatever leads to it; `t` is a store.
#define EACH_REMOTE_KV_STORE()                                                                         \
  const auto& backend_ = GENERATE(from_range(kv_store_backends().begin(), kv_store_backends().end())); \
  matrix::begin(backend_.name);                                                                        \
  if (backend_.service.empty()) return matrix::not_promised();                                         \
  kv_store_case t(backend_, backend_.url)
/// Those behind a TCP server: `peer` stands before it and does nothing yet, `address` leads through it.
#define EACH_KV_STORE_BEHIND_A_PEER()                                                                  \
  const auto& backend_ = GENERATE(from_range(kv_store_backends().begin(), kv_store_backends().end())); \
  matrix::begin(backend_.name);                                                                        \
  if (backend_.service.empty() || port_of(backend_.url) == 0) return matrix::not_promised();           \
  fault_peer peer(port_of(backend_.url));                                                              \
  const std::string address = with_port(backend_.url, peer.port())
#define EACH_BOUNDED_KV_STORE()                                                                        \
  const auto& backend_ = GENERATE(from_range(kv_store_backends().begin(), kv_store_backends().end())); \
  matrix::begin(backend_.name);                                                                        \
  if (backend_.small_url.empty()) return matrix::not_promised();                                       \
  kv_store_case t(backend_, backend_.small_url)
