// The one thread that writes to a database file: it commits whatever batches wait together.
#pragma once

#include "connection.hpp"
#include "distsys/ports/change_hub.hpp"
#include "distsys/ports/database.hpp"
#include "lane_call.hpp"
#include "lock_file.hpp"
#include "options.hpp"

#include <memory>
#include <thread>
#include <vector>

namespace distsys::adapters::sqlite {

/// A batch on its way; the writer looks into it.
class batch_call final : public answered_call<ports::batch_outcome> {
 public:
  batch_call(runtime::deadline until, ports::batch b) : answered_call(until), statements_(std::move(b)) {}
  void run(connection& c) override;
  /// Executes within the open transaction. After an error the caller undoes it.
  result<void> apply(connection& c);
  void committed() { answer(std::move(outcome_)); }

 private:
  ports::batch statements_;
  ports::batch_outcome outcome_;
};

/// Batches of one commit are isolated by savepoints. Every other call runs alone. Commits, checkpoints and the opening
/// of the file hold the lock file. What other connections commit, of any process, is noticed on the writer's own
/// connection, because that does not count its own commits: each of those is announced once.
class writer {
 public:
  writer(const options& settings, ports::change_hub& hub);
  ~writer();
  writer(const writer&) = delete;
  writer& operator=(const writer&) = delete;

  call_queue& queue() noexcept { return queue_; }
  /// Runs what is queued, then ends the thread. Blocks.
  void stop();

 private:
  using group = std::vector<std::shared_ptr<batch_call>>;
  enum class applied { kept, refused, transaction_lost };

  void work();
  void serve();
  bool lock(bool for_calls);
  void look_for_others();
  void open_for_listeners();
  result<void> ensure_open();
  void commit_group(std::shared_ptr<batch_call> first);
  applied apply(const std::shared_ptr<batch_call>& call, bool alone);
  void commit(group& calls);
  void commit_one_by_one(const group& calls);
  void checkpoint_when_due();
  void checkpoint(bool whole);
  runtime::deadline next_checkpoint() const;

  const options& settings_;
  ports::change_hub& hub_;
  call_queue queue_;
  lock_file lock_;
  std::unique_ptr<connection> connection_;
  std::int64_t seen_version_ = 0;  // of the connection: 0 before the first look
  runtime::deadline last_checkpoint_, last_look_;
  std::thread thread_;
};

}  // namespace distsys::adapters::sqlite
