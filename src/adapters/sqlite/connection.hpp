// One SQLite connection: prepared statements kept, parameters bound without copies, calls ended at their deadline.
#pragma once

#include "distsys/foundation/error.hpp"
#include "distsys/ports/database.hpp"
#include "distsys/runtime/clock.hpp"
#include "options.hpp"
#include "statement_cache.hpp"

#include <sqlite3.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace distsys::adapters::sqlite {

/// Used by one thread at a time.
class connection {
 public:
  enum class access { write, read };
  /// Blocks. A writer creates the file and switches it to write-ahead logging: hold the lock file. A reader needs both
  /// done.
  static result<std::unique_ptr<connection>> open(const options& settings, access how);
  connection(const connection&) = delete;
  connection& operator=(const connection&) = delete;

  /// What ends the calls that follow: errc::timeout, errc::cancelled.
  void limit(runtime::deadline until, const std::atomic<bool>* stop) noexcept;
  void unlimited() noexcept { limit(runtime::deadline::max(), nullptr); }

  /// Runs the statement once a row of parameters and adds up the rows affected. After a failure what the statement did
  /// is not undone, unless in_transaction() shows that SQLite gave the whole transaction up.
  result<std::uint64_t> run(const ports::statement& s);
  result<ports::table> read(const ports::statement& s, const ports::read_options& limits);
  /// A script of statements without parameters.
  result<void> execute_script(std::string_view sql);
  /// A statement of ours (BEGIN, COMMIT, …), kept prepared.
  result<void> control(std::string_view sql);

  bool in_transaction() const noexcept { return sqlite3_get_autocommit(db_.get()) == 0; }
  /// Called by this connection after each commit that wrote something, before the call that commits returns.
  void when_committed(std::function<void()> f) { committed_ = std::move(f); }
  /// COMMIT failed, and recovery could still bring it back.
  void may_have_committed() {
    if (committed_) committed_();
  }
  /// Changes when another connection, of any process, has committed.
  result<std::int64_t> data_version();

  /// Pages in the write-ahead log after this connection's last commit or checkpoint.
  int wal_pages() const noexcept { return wal_pages_; }
  int page_size() const noexcept { return page_size_; }
  /// SQLITE_CHECKPOINT_PASSIVE or _TRUNCATE; the lock file is held. False when readers were in the way.
  result<bool> checkpoint(int mode);

  /// The last failure says that this connection should be replaced.
  bool broken() const noexcept { return broken_; }

 private:
  struct closer {
    void operator()(sqlite3* db) const noexcept { sqlite3_close_v2(db); }
  };

  connection(sqlite3* db, std::string file);
  result<void> configure(const options& settings, access how);
  bool stopped() const noexcept;
  static int on_progress(void* self) noexcept;
  static int on_busy(void* self, int attempts) noexcept;
  static int on_commit(void* self, sqlite3* db, const char* name, int pages) noexcept;

  result<sqlite3_stmt*> prepare(const ports::statement& s);
  result<std::uint64_t> run_row(sqlite3_stmt* statement, std::string_view sql);
  error fail(int code, std::string_view sql);

  std::string file_;
  std::unique_ptr<sqlite3, closer> db_;
  statement_cache statements_;  // destroyed before db_
  runtime::deadline until_ = runtime::deadline::max();
  runtime::deadline busy_until_ = runtime::deadline::max();
  const std::atomic<bool>* stop_ = nullptr;
  std::function<void()> committed_;
  int wal_pages_ = 0, page_size_ = 4096;
  bool broken_ = false;
};

}  // namespace distsys::adapters::sqlite
