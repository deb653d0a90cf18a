// The database port on a SQLite file: one writer thread, several reader threads, a watcher.
#pragma once

#include "distsys/ports/change_hub.hpp"
#include "distsys/ports/database.hpp"
#include "lane_call.hpp"
#include "options.hpp"
#include "reader_pool.hpp"
#include "ticker.hpp"
#include "writer.hpp"

#include <atomic>

namespace distsys::adapters::sqlite {

class sqlite_database final : public ports::database {
 public:
  explicit sqlite_database(options settings);
  ~sqlite_database() override;

  ports::dialect sql_dialect() const noexcept override { return ports::dialect::sqlite; }
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

  awaitable<result<void>> ensure_created(const ports::call_context& context);
  void stop();

  const options settings_;
  std::atomic<bool> created_{false};
  ports::change_hub hub_;
  writer writer_;
  reader_pool readers_;
  ticker sweeper_;  // the last: it uses the others
};

}  // namespace distsys::adapters::sqlite
