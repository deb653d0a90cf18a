// Answers requests from what is kept, or has the answer made: once for all who want it, kept when it may be.
#pragma once

#include "answer_cache.hpp"
#include "freshness.hpp"
#include "made.hpp"

#include "distsys/caching/single_flight.hpp"
#include "distsys/foundation/metrics.hpp"
#include "distsys/net/http_message.hpp"
#include "distsys/runtime/blocking_lane.hpp"
#include "distsys/runtime/task_group.hpp"

#include <atomic>
#include <cstdint>
#include <string>

namespace distsys::roles::cache {

/// How requests were answered, since the start. A hit is one without the database.
struct request_counts {
  std::uint64_t hits = 0, misses = 0, coalesced = 0, stale = 0, refused = 0, failures = 0;
  std::uint64_t prepared = 0;  // of the hits: bytes that were there already
};

/// Any loop. Whatever is answered here has a key that names its meaning, and says by Cache-Status (RFC 9211) where it
/// came from. Loads are tasks of `loads`; what is long is compressed on `packer`.
class answer_desk {
 public:
  struct settings {
    downstream told;
    std::chrono::steady_clock::duration ttl{}, stale_if_error{};
    std::size_t max_waiters = 10'000;  // of one answer that is being made
  };

  answer_desk(answer_cache& answers, const slot_table& slots, freshness& fresh, runtime::task_group& loads,
              runtime::blocking_lane& packer, const settings& s);

  /// The quick way: an answer that was given before, by the query's spelling, which must differ between endpoints.
  /// Null: ask serve(). Counted as a hit, to be delivered.
  shared_answer find_spelling(std::string_view spelling, time_point now);
  net::http_response deliver_hit(const shared_answer& a, time_point now) const;
  /// Somebody who accepts gzip asks for an answer that has no such form yet.
  static bool wants_packing(const net::http_request& request, const answer& a);
  awaitable<void> pack(shared_answer a);

  /// By the key, or made. Waits for the follower of the log when changes have been announced.
  awaitable<net::http_response> serve(net::http_request& request, std::string_view spelling, std::string key,
                                      maker make);

  /// Counts a request that was refused, and answers it.
  net::http_response refuse(const error& e);

  request_counts counts() const noexcept;

 private:
  struct loaded {
    shared_answer what;
    provenance how = provenance::direct;
    bool stored = false;
    bool found = false;  // another load had just kept it
    bool without_shared = false;
  };

  awaitable<trust> gate(runtime::deadline limit);
  awaitable<result<loaded>> load(std::string key, maker make, trust how);
  loaded keep(std::string key, made m);
  awaitable<net::http_response> deliver_loaded(net::http_request& request, std::string_view spelling, loaded l,
                                               trust how, bool led);
  shared_answer answer_of(std::string key, made m, time_point now) const;
  awaitable<net::http_response> hit(net::http_request& request, shared_answer a, time_point now, std::string status);
  awaitable<net::http_response> serve_kept_only(net::http_request& request, const std::string& key, const maker& make,
                                                trust how);
  awaitable<std::optional<net::http_response>> serve_stale(net::http_request& request, const std::string& key,
                                                           const maker& make, trust how);
  bool late(trust how) const;
  bool outdated(trust how) const;
  net::http_response deliver(const shared_answer& a, time_point now, std::string cache_status) const;

  answer_cache& answers_;
  const slot_table& slots_;
  freshness& fresh_;
  runtime::blocking_lane& packer_;
  const settings settings_;
  caching::single_flight<loaded> flights_;
  std::atomic<time_point::rep> down_until_{0};  // the database has just failed: what is stale is served at once
  metrics::counter &hits_, &misses_, &coalesced_, &stale_, &refused_, &failures_, &prepared_, &packed_;
};

}  // namespace distsys::roles::cache
