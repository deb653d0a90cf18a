// Tells the other caches of a database of changes in its log, and hears of theirs, by messages of the store they share.
#pragma once

#include "distsys/foundation/metrics.hpp"
#include "distsys/ports/kv_store.hpp"
#include "distsys/ports/wake_signal.hpp"
#include "distsys/runtime/task_group.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>

namespace distsys::roles::cache {

/// A hurry and nothing more: what is heard only makes the follower read the log earlier than the database's own
/// announcement would. A message that is lost only delays, and one that is wrong costs a reading. Used on the
/// follower's loop.
class peer_bell {
 public:
  /// `database` is the name of the database (event_repository::identity()). Tasks of `tasks` send.
  peer_bell(std::shared_ptr<ports::kv_store> store, const std::string& database, runtime::task_group& tasks);

  /// More of the log has been applied, up to `sequence`: the others are told, unless one of them told of it. Returns at
  /// once; while a message is on its way later ones become one.
  void ring(std::int64_t sequence, executor where);
  /// The log was read, and ends at `sequence` as before, or earlier.
  void found_nothing(std::int64_t sequence) noexcept;
  /// Raises `wake` whenever another tells of changes, or may have told while the store was away. Until cancelled.
  awaitable<void> hear(ports::wake_signal& wake);

 private:
  awaitable<void> send();

  const std::shared_ptr<ports::kv_store> store_;
  const std::string channel_;
  runtime::task_group& tasks_;
  std::unique_ptr<ports::message_listener> listener_;
  std::int64_t applied_ = 0, heard_of_ = 0, to_tell_ = 0;  // sequences
  bool sending_ = false;
  metrics::counter &told_, &heard_;
};

}  // namespace distsys::roles::cache
