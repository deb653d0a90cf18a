// The relational database port. Promise: read committed; a batch is atomic and durable when execute() returns.
#pragma once

#include "distsys/foundation/error.hpp"
#include "distsys/ports/call_context.hpp"
#include "distsys/ports/health.hpp"
#include "distsys/ports/resilience.hpp"
#include "distsys/ports/table.hpp"
#include "distsys/runtime/awaitable.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace distsys::ports {

enum class dialect { sqlite, postgres, mysql };
std::string_view name(dialect d) noexcept;

/// SQL that must differ. An empty variant means: as for sqlite.
struct per_dialect {
  std::string_view sqlite, postgres, mysql;
  std::string_view operator()(dialect d) const noexcept;
};

/// SQL with `?` for each parameter, in order (drivers rewrite it to their own form; no `?` in literals). It is run once
/// a row of `parameters`: once when the table has no columns, never when it has columns and no row. A driver may insert
/// its rows together.
struct statement {
  std::string sql;
  table parameters;
  /// Rows that each run must affect; otherwise the whole batch is undone and answers errc::conflict.
  std::optional<std::uint64_t> expected_rows;
};

/// Statements that take effect together or not at all, in one hop.
using batch = std::vector<statement>;

struct batch_outcome {
  std::vector<std::uint64_t> affected;  // rows, one number a statement (its runs added up)
  std::string session;                  // give it to a later call_context to read this write anywhere
};

/// Version numbers ascend without gaps within a component; each is applied once, ever, in its own transaction.
struct migration {
  std::string_view component;  // "geo": who owns these tables
  int version;
  per_dialect sql;  // statements separated by ';' at line ends
};

struct read_options {
  std::size_t max_rows = 1'000'000;    // more: errc::too_large
  std::size_t max_bytes = 256u << 20;  // of the result: errc::too_large
  bool primary = false;                // never from a replica
};

/// Wakes up when something may have changed. Wake-ups are coalesced and may be spurious, and one may be missed over a
/// reconnection: read your change log on each, and from time to time without one. One waiter at a time.
class change_listener {
 public:
  virtual ~change_listener() = default;
  /// Returns after a wake-up since the last return; errc::timeout at the deadline, errc::cancelled.
  virtual awaitable<result<void>> wait(const call_context& context) = 0;
  /// A number that has grown before execute() or commit() returns to whoever committed in this process, and when a
  /// commit of another process is noticed. It may grow without a change. Any thread; takes no lock.
  virtual std::uint64_t announced() const noexcept = 0;
  /// The part of announced() that this process committed, or may have (errc::indeterminate).
  virtual std::uint64_t announced_own() const noexcept = 0;
};

/// An interactive transaction: the exception, for what a batch cannot say. Holds a connection; rolled back when
/// destroyed uncommitted. After execute() has failed commit() is a conflict: some rows of the statement may be there.
class transaction {
 public:
  virtual ~transaction() = default;
  virtual awaitable<result<table>> query(const call_context& context, statement s) = 0;
  virtual awaitable<result<std::uint64_t>> execute(const call_context& context, statement s) = 0;
  virtual awaitable<result<void>> commit(const call_context& context) = 0;
  virtual awaitable<result<void>> rollback(const call_context& context) = 0;
};

/// Any loop may call. Contexts are referred to until the awaited call returns.
///
/// Errors: already_exists (unique key), conflict (expected_rows, serialisation), invalid (SQL, constraint),
/// unavailable, overloaded (full queue), timeout (nothing took effect), indeterminate (connection lost at commit),
/// no_space, corrupt.
class database {
 public:
  explicit database(std::string driver_name, const resilience& policy = {});
  virtual ~database();
  database(const database&) = delete;
  database& operator=(const database&) = delete;

  awaitable<result<batch_outcome>> execute(const call_context& context, batch b);
  awaitable<result<table>> query(const call_context& context, statement s, read_options options = {});
  awaitable<result<std::unique_ptr<transaction>>> begin(const call_context& context);
  /// Appends rows to a table by the backend's fastest way, atomically; `columns` names the table's columns in order.
  awaitable<result<std::uint64_t>> bulk_load(const call_context& context, std::string table_name,
                                             std::vector<std::string> columns, table rows);
  /// Several processes may call at once: each migration is applied once.
  awaitable<result<void>> migrate(const call_context& context, std::span<const migration> migrations);
  /// errc::conflict names the first migration that is missing. Changes nothing.
  awaitable<result<void>> check_migrations(const call_context& context, std::span<const migration> migrations);
  awaitable<result<void>> ping(const call_context& context);

  /// Announces what was committed before: wakes listeners of the channel in every process of this database. Costs
  /// nothing where every commit wakes them anyway.
  awaitable<result<void>> notify(const call_context& context, std::string channel);
  std::unique_ptr<change_listener> listen(std::string channel) { return do_listen(std::move(channel)); }

  virtual dialect sql_dialect() const noexcept = 0;
  health_state health() const { return calls_.health(); }
  /// Finishes what was accepted and closes. Called once, after the last user is gone.
  virtual awaitable<void> close() = 0;

 private:
  virtual awaitable<result<batch_outcome>> do_execute(const call_context& context, batch b) = 0;
  virtual awaitable<result<table>> do_query(const call_context& context, statement s, read_options options) = 0;
  virtual awaitable<result<std::unique_ptr<transaction>>> do_begin(const call_context& context) = 0;
  virtual awaitable<result<std::uint64_t>> do_bulk_load(const call_context& context, std::string table_name,
                                                        std::vector<std::string> columns, table rows) = 0;
  virtual awaitable<result<void>> do_migrate(const call_context& context, std::span<const migration> migrations) = 0;
  virtual awaitable<result<void>> do_check_migrations(const call_context& context,
                                                      std::span<const migration> migrations) = 0;
  virtual awaitable<result<void>> do_ping(const call_context& context) = 0;
  virtual awaitable<result<void>> do_notify(const call_context& context, std::string channel) = 0;
  virtual std::unique_ptr<change_listener> do_listen(std::string channel) = 0;

  struct operations;
  call_monitor calls_;
  std::unique_ptr<const operations> operations_;
};

}  // namespace distsys::ports
