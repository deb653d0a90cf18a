// The second layer: cells that the caches of one database share through a store of keys and values (kv_store).
//
// It is validated, not invalidated. What is in the store says as of which change it was read; a reader believes it only
// when its own knowledge of the change log shows that nothing has touched the quad since. So a store that was away,
// that lost a message or was filled late makes no answer wrong: it only helps less.
#pragma once

#include "cell_cache.hpp"
#include "recent_touches.hpp"

#include "distsys/domain/geo/event_repository.hpp"
#include "distsys/domain/geo/quad_image.hpp"
#include "distsys/foundation/metrics.hpp"
#include "distsys/ports/kv_store.hpp"
#include "distsys/runtime/task_group.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace distsys::roles::cache {

struct shared_counts {
  std::uint64_t hits = 0, misses = 0, outdated = 0, corrupt = 0, failures = 0;  // of cells asked for
  std::uint64_t stored = 0, older = 0, failed = 0, dropped = 0;                 // of cells offered
};

/// Any loop.
class shared_cells {
 public:
  /// Filling is done by tasks of `loads`. Nothing is asked or stored before begin(). A cell of more than `cell_events`
  /// is split: only those who agree on that share.
  shared_cells(std::shared_ptr<ports::kv_store> store, runtime::task_group& loads, std::size_t cell_events);

  /// Learns the database's name and the end of its log, up to `last`. Once, before the first request.
  awaitable<result<void>> begin(domain::geo::event_repository& events, std::int64_t last);
  /// Of the database, once begun; and where its caches share.
  const std::string& database() const noexcept { return database_; }
  const std::shared_ptr<ports::kv_store>& store() const noexcept { return store_; }
  /// By the follower of the log, before it touches the slots.
  void note(std::span<const domain::geo::change_touch> touches) { touches_.add(touches); }
  /// The log has gone back, and ends there.
  void begin_at(std::int64_t sequence) { touches_.begin_at(sequence); }
  /// The oldest change that is known: what was read before it is not used.
  std::int64_t floor() const { return touches_.floor(); }
  /// What others have read by now is not used in this process.
  void forget() noexcept;

  /// For each of disjoint quads what is there and true, as far as the log has been applied. Watches of the quads must
  /// have been taken before. Takes no longer than a question to the database should.
  awaitable<std::vector<std::optional<domain::geo::quad_image>>> get(std::vector<domain::geo::quad> quads);
  /// What became of the images that get() gave: hits, and those that their reader found too old.
  void judged(std::size_t used, std::size_t too_old) noexcept;

  /// Stores what was just read from the database, later. Dropped where too much waits.
  void offer(std::span<const shared_cell> cells, executor where);

  /// The store did not answer the last call, or its breaker is open.
  bool down() const { return !store_->health().healthy; }
  ports::health_state health() const { return store_->health(); }
  shared_counts counts() const noexcept;
  std::size_t waiting() const noexcept { return waiting_.load(std::memory_order_relaxed); }

 private:
  std::string key_of(const domain::geo::quad& q) const { return prefix_ + q.name(); }
  /// What the bytes are, when they are of that quad and not forgotten.
  std::optional<domain::geo::quad_image> read(const domain::geo::quad& q, const ports::shared_bytes& bytes);
  awaitable<void> fill(std::vector<shared_cell> cells);
  awaitable<bool> store(const cell& c);

  std::shared_ptr<ports::kv_store> store_;
  runtime::task_group& loads_;
  const std::size_t cell_events_;
  recent_touches touches_;
  std::string database_, prefix_;
  std::atomic<std::int64_t> not_before_{0};  // ms since 1970: what was read earlier is not used
  std::atomic<std::size_t> waiting_{0}, waiting_bytes_{0};
  metrics::counter &hits_, &misses_, &outdated_, &corrupt_, &failures_, &stored_, &older_, &failed_, &dropped_;
};

}  // namespace distsys::roles::cache
