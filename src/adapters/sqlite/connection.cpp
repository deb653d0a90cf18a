#include "connection.hpp"

#include "sqlite_error.hpp"

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>
#include <vector>

namespace distsys::adapters::sqlite {

namespace {

using ports::value_type;

constexpr std::size_t statements_kept = 256;
constexpr int operations_between_checks = 2000;  // tens of microseconds of SQLite's virtual machine
constexpr auto longest_busy = std::chrono::seconds(5);

int bind(sqlite3_stmt* statement, int index, const ports::value_view& v) {
  // SQLITE_STATIC: the table outlives the step, and the bindings are cleared after the last row.
  switch (v.type()) {
    case value_type::integer:
      return sqlite3_bind_int64(statement, index, v.integer());
    case value_type::real:
      return sqlite3_bind_double(statement, index, v.real());
    case value_type::text:
      return sqlite3_bind_text64(statement, index, v.text().data(), v.text().size(), SQLITE_STATIC, SQLITE_UTF8);
    case value_type::blob:
      if (v.text().empty()) return sqlite3_bind_zeroblob(statement, index, 0);  // a null pointer would bind NULL
      return sqlite3_bind_blob64(statement, index, v.text().data(), v.text().size(), SQLITE_STATIC);
    case value_type::null:
      break;
  }
  return sqlite3_bind_null(statement, index);
}

int bind_row(sqlite3_stmt* statement, const ports::table& parameters, std::size_t row) {
  for (std::size_t column = 0; column < parameters.columns(); ++column)
    if (const int code = bind(statement, static_cast<int>(column) + 1, parameters.at(row, column)); code != SQLITE_OK)
      return code;
  return SQLITE_OK;
}

void append_cell(ports::table& out, sqlite3_stmt* statement, int column) {
  switch (sqlite3_column_type(statement, column)) {
    case SQLITE_INTEGER:
      return out.add(static_cast<std::int64_t>(sqlite3_column_int64(statement, column)));
    case SQLITE_FLOAT:
      return out.add(sqlite3_column_double(statement, column));
    case SQLITE_TEXT: {
      const auto* text = static_cast<const char*>(sqlite3_column_blob(statement, column));  // the same bytes, UTF-8
      return out.add(std::string_view(text, static_cast<std::size_t>(sqlite3_column_bytes(statement, column))));
    }
    case SQLITE_BLOB: {
      const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement, column));
      return out.add_blob({bytes, static_cast<std::size_t>(sqlite3_column_bytes(statement, column))});
    }
    default:
      return out.add(nullptr);
  }
}

/// Leaves a kept statement without a running query and without pointers into the caller's table.
struct release_on_exit {
  sqlite3_stmt* statement;
  ~release_on_exit() {
    sqlite3_reset(statement);
    sqlite3_clear_bindings(statement);
  }
};

std::vector<std::string> column_names(sqlite3_stmt* statement) {
  std::vector<std::string> names;
  const int count = sqlite3_column_count(statement);
  names.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) names.emplace_back(sqlite3_column_name(statement, i));
  return names;
}

}  // namespace

connection::connection(sqlite3* db, std::string file) : file_(std::move(file)), db_(db), statements_(statements_kept) {}

result<std::unique_ptr<connection>> connection::open(const options& settings, access how) {
  sqlite3* db = nullptr;
  const int flags = how == access::write ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE : SQLITE_OPEN_READONLY;
  const int code =
      sqlite3_open_v2(settings.file.c_str(), &db, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  std::unique_ptr<connection> made(new connection(db, settings.file.string()));
  if (code != SQLITE_OK) return made->fail(code, "");
  if (auto ready = made->configure(settings, how); !ready) return ready.error();
  return made;
}

result<void> connection::configure(const options& settings, access how) {
  sqlite3* db = db_.get();
  sqlite3_db_config(db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);  // a checkpoint needs the lock file
  sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DML, 0, nullptr);
  sqlite3_db_config(db, SQLITE_DBCONFIG_DQS_DDL, 0, nullptr);
  sqlite3_busy_handler(db, &connection::on_busy, this);
  sqlite3_progress_handler(db, operations_between_checks, &connection::on_progress, this);
  limit(runtime::steady_now() + longest_busy, nullptr);

  std::string script = "PRAGMA foreign_keys=ON; PRAGMA temp_store=MEMORY;";
  if (how == access::write) {
    script += "PRAGMA wal_autocheckpoint=0; PRAGMA secure_delete=OFF; PRAGMA cache_size=-32768;";
    script += settings.full_sync ? "PRAGMA synchronous=FULL;" : "PRAGMA synchronous=NORMAL;";
    script += "PRAGMA journal_size_limit=" + std::to_string(settings.checkpoint_bytes * 2) + ";";
  } else {
    const std::uint64_t kibibytes =
        std::clamp<std::uint64_t>(settings.cache_bytes / settings.readers >> 10, 64, 1u << 30);
    script += "PRAGMA query_only=ON; PRAGMA cache_size=-" + std::to_string(kibibytes) +
              "; SELECT 1 FROM sqlite_schema LIMIT 1;";
  }
  if (how == access::write) {
    // Of a new file. Measured: a fifth less CPU an event stored in big batches than with 4 KiB, single commits as fast.
    if (auto done = execute_script("PRAGMA page_size=16384"); !done) return done;
    auto mode = read({"PRAGMA journal_mode=WAL", {}, {}}, {});
    if (!mode) return mode.error();
    if (mode->at(0, 0).text() != "wal")
      return error{errc::invalid, "no write-ahead logging where " + file_ + " lies (a network file system?)"};
  }
  if (auto done = execute_script(script); !done) return done;
  auto size = read({"PRAGMA page_size", {}, {}}, {});
  if (!size) return size.error();
  page_size_ = static_cast<int>(size->at(0, 0).integer());
  if (how == access::write && settings.max_bytes > 0) {
    const auto pages = std::max<std::uint64_t>(1, settings.max_bytes / static_cast<std::uint64_t>(page_size_));
    if (auto done = execute_script("PRAGMA max_page_count=" + std::to_string(pages)); !done) return done;
  }
  if (how == access::write) sqlite3_wal_hook(db, &connection::on_commit, this);
  unlimited();
  return {};
}

void connection::limit(runtime::deadline until, const std::atomic<bool>* stop) noexcept {
  until_ = until;
  stop_ = stop;
  busy_until_ = std::min(until, runtime::steady_now() + longest_busy);
}

bool connection::stopped() const noexcept {
  if (stop_ && stop_->load(std::memory_order_relaxed)) return true;
  return until_ != runtime::deadline::max() && runtime::steady_now() >= until_;
}

int connection::on_progress(void* self) noexcept { return static_cast<connection*>(self)->stopped() ? 1 : 0; }

int connection::on_busy(void* self, int) noexcept {
  auto& c = *static_cast<connection*>(self);
  if (c.stopped() || runtime::steady_now() >= c.busy_until_) return 0;
  std::this_thread::sleep_for(std::chrono::microseconds(500));
  return 1;
}

int connection::on_commit(void* self, sqlite3*, const char*, int pages) noexcept {
  auto& c = *static_cast<connection*>(self);
  c.wal_pages_ = pages;
  if (c.committed_) c.committed_();
  return SQLITE_OK;
}

error connection::fail(int code, std::string_view sql) {
  const int kind = code & 0xff;
  const bool stoppable = kind == SQLITE_INTERRUPT || kind == SQLITE_BUSY;
  if (stoppable && stop_ && stop_->load(std::memory_order_relaxed)) return {errc::cancelled, ""};
  if (stoppable && until_ != runtime::deadline::max() && runtime::steady_now() >= until_)
    return {errc::timeout, "the deadline passed in `" + first_words(sql) + "` (" + file_ + ")"};
  broken_ = broken_ || kind == SQLITE_CORRUPT || kind == SQLITE_NOTADB || kind == SQLITE_IOERR ||
            kind == SQLITE_CANTOPEN || kind == SQLITE_NOMEM;
  return make_error(db_.get(), code, sql, file_);
}

result<sqlite3_stmt*> connection::prepare(const ports::statement& s) {
  auto prepared = statements_.get(db_.get(), s.sql, file_, false);
  if (!prepared) {
    if (const int code = sqlite3_extended_errcode(db_.get()); code != SQLITE_OK && code != SQLITE_ERROR)
      fail(code, s.sql);
    return prepared;
  }
  const auto expected = static_cast<std::size_t>(sqlite3_bind_parameter_count(*prepared));
  if (expected != s.parameters.columns())
    return error{errc::invalid, "`" + first_words(s.sql) + "` has " + std::to_string(expected) +
                                    " parameters and was given " + std::to_string(s.parameters.columns())};
  return prepared;
}

result<std::uint64_t> connection::run_row(sqlite3_stmt* statement, std::string_view sql) {
  const auto before = sqlite3_total_changes64(db_.get());
  int code = SQLITE_ROW;
  while (code == SQLITE_ROW) code = sqlite3_step(statement);
  if (code != SQLITE_DONE) return fail(code, sql);
  // changes() still tells of an earlier statement when this one was no INSERT, UPDATE or DELETE.
  const bool changed = sqlite3_total_changes64(db_.get()) != before;
  sqlite3_reset(statement);
  return changed ? static_cast<std::uint64_t>(sqlite3_changes64(db_.get())) : 0;
}

result<std::uint64_t> connection::run(const ports::statement& s) {
  auto prepared = prepare(s);
  if (!prepared) return prepared.error();
  const release_on_exit release{*prepared};
  std::uint64_t affected = 0;
  const std::size_t runs = s.parameters.columns() == 0 ? 1 : s.parameters.rows();
  for (std::size_t row = 0; row < runs; ++row) {
    // A write that SQLite interrupts itself takes the whole transaction down: between rows it is cheaper to stop.
    if (row % 64 == 0 && stopped()) return fail(SQLITE_INTERRUPT, s.sql);
    if (const int code = bind_row(*prepared, s.parameters, row); code != SQLITE_OK) return fail(code, s.sql);
    auto rows = run_row(*prepared, s.sql);
    if (!rows) return rows;
    if (s.expected_rows && *rows != *s.expected_rows)
      return error{errc::conflict, "`" + first_words(s.sql) + "` affected " + std::to_string(*rows) +
                                       " rows instead of " + std::to_string(*s.expected_rows)};
    affected += *rows;
  }
  return affected;
}

result<ports::table> connection::read(const ports::statement& s, const ports::read_options& limits) {
  auto prepared = prepare(s);
  if (!prepared) return prepared.error();
  const release_on_exit release{*prepared};
  if (stopped()) return fail(SQLITE_INTERRUPT, s.sql);
  ports::table out;
  int columns = -1;
  const std::size_t runs = s.parameters.columns() == 0 ? 1 : s.parameters.rows();
  for (std::size_t row = 0; row < runs; ++row) {
    if (const int code = bind_row(*prepared, s.parameters, row); code != SQLITE_OK) return fail(code, s.sql);
    int code = sqlite3_step(*prepared);
    if (columns < 0) {  // only now: the first step prepares again what was prepared for an older schema
      out = ports::table(column_names(*prepared));
      columns = static_cast<int>(out.columns());
    }
    for (; code == SQLITE_ROW; code = sqlite3_step(*prepared)) {
      if (out.rows() >= limits.max_rows)
        return error{errc::too_large,
                     "`" + first_words(s.sql) + "` gives more than " + std::to_string(limits.max_rows) + " rows"};
      for (int column = 0; column < columns; ++column) append_cell(out, *prepared, column);
      if (out.byte_size() > limits.max_bytes)
        return error{errc::too_large,
                     "`" + first_words(s.sql) + "` gives more than " + std::to_string(limits.max_bytes) + " bytes"};
    }
    if (code != SQLITE_DONE) return fail(code, s.sql);
    sqlite3_reset(*prepared);
  }
  return out;
}

result<void> connection::execute_script(std::string_view sql) {
  const std::string text(sql);
  const int code = sqlite3_exec(db_.get(), text.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return fail(code, sql);
  return {};
}

result<void> connection::control(std::string_view sql) {
  auto prepared = statements_.get(db_.get(), sql, file_, true);
  if (!prepared) return prepared.error();
  const release_on_exit release{*prepared};
  const int code = sqlite3_step(*prepared);
  if (code != SQLITE_DONE && code != SQLITE_ROW) return fail(code, sql);
  return {};
}

result<std::int64_t> connection::data_version() {
  auto answer = read({"PRAGMA data_version", {}, {}}, {});
  if (!answer) return answer.error();
  return answer->at(0, 0).integer();
}

result<bool> connection::checkpoint(int mode) {
  int logged = 0;
  int copied = 0;
  const int code = sqlite3_wal_checkpoint_v2(db_.get(), "main", mode, &logged, &copied);
  const bool whole = code == SQLITE_OK && logged == copied;
  if (whole) wal_pages_ = 0;
  if (code == SQLITE_OK || code == SQLITE_BUSY) return whole;
  return fail(code, "checkpoint");
}

}  // namespace distsys::adapters::sqlite
