// The database port on PostgreSQL: a pool of connections a loop, and one that listens.
#pragma once

#include "canceller.hpp"
#include "distsys/ports/change_hub.hpp"
#include "distsys/ports/database.hpp"
#include "distsys/runtime/runtime.hpp"
#include "distsys/runtime/task_group.hpp"
#include "loop_pool.hpp"
#include "notifications.hpp"
#include "options.hpp"

#include <memory>
#include <string>
#include <vector>

namespace distsys::adapters::postgres {

class postgres_database final : public ports::database {
 public:
  postgres_database(options settings, runtime::runtime& loops);

  ports::dialect sql_dialect() const noexcept override { return ports::dialect::postgres; }
  awaitable<void> close() override;

 private:
  awaitable<result<ports::batch_outcome>> do_execute(const ports::call_context& context, ports::batch b) override;
  awaitable<result<ports::table>> do_query(const ports::call_context& context, ports::statement s,
                                           ports::read_options limits) override;
  awaitable<result<std::unique_ptr<ports::transaction>>> do_begin(const ports::call_context& context) override;
  awaitable<result<std::uint64_t>> do_bulk_load(const ports::call_context& context, std::string table_name,
                                                std::vector<std::string> columns, ports::table rows) override;
  awaitable<result<void>> do_migrate(const ports::call_context& context,
                                     std::span<const ports::migration> migrations) override;
  awaitable<result<void>> do_check_migrations(const ports::call_context& context,
                                              std::span<const ports::migration> migrations) override;
  awaitable<result<void>> do_ping(const ports::call_context& context) override;
  awaitable<result<void>> do_notify(const ports::call_context& context, std::string channel) override;
  std::unique_ptr<ports::change_listener> do_listen(std::string channel) override;

  /// What one loop has to itself.
  struct per_loop {
    per_loop(executor where, postgres_database& db)
        : pool(std::move(where), db.settings_, db.cancels_, db.tasks_), notifications(pool, db.tasks_, db.sender_) {}
    loop_pool pool;
    notifier notifications;
  };
  per_loop& here() noexcept;
  loop_pool& pool() noexcept { return here().pool; }

  const options settings_;
  runtime::runtime& loops_;
  const std::string sender_;  // names this object among those that notify
  ports::change_hub hub_;
  runtime::task_group tasks_, listening_;
  canceller cancels_;
  notification_listener listener_;
  std::vector<std::unique_ptr<per_loop>> per_loop_;
};

}  // namespace distsys::adapters::postgres
