#include "sqlite_error.hpp"

#include <cerrno>
#include <utility>

namespace distsys::adapters::sqlite {

namespace {

bool is_out_of_space(int system_error) noexcept {
  return system_error == ENOSPC || system_error == EDQUOT || system_error == EFBIG;
}

errc classify_constraint(int code) noexcept {
  const bool unique =
      code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY || code == SQLITE_CONSTRAINT_ROWID;
  return unique ? errc::already_exists : errc::invalid;
}

errc classify(sqlite3* db, int code) noexcept {
  const int system_error = db ? sqlite3_system_errno(db) : 0;
  switch (code & 0xff) {
    case SQLITE_CONSTRAINT:
      return classify_constraint(code);
    case SQLITE_FULL:
      return errc::no_space;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL:
      return errc::unavailable;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return errc::corrupt;
    case SQLITE_IOERR:
      // After a failed sync nobody knows what is on the disk, whatever the reason.
      if (code == SQLITE_IOERR_FSYNC || code == SQLITE_IOERR_DIR_FSYNC) return errc::unavailable;
      if (code == SQLITE_IOERR_WRITE || code == SQLITE_IOERR_SHMSIZE || is_out_of_space(system_error))
        return errc::no_space;
      return code == SQLITE_IOERR_NOMEM ? errc::no_space : errc::unavailable;
    case SQLITE_NOMEM:
      return errc::no_space;
    case SQLITE_CANTOPEN:
      return is_out_of_space(system_error) ? errc::no_space : errc::unavailable;
    case SQLITE_PERM:
    case SQLITE_AUTH:
      return errc::permission_denied;
    case SQLITE_READONLY:
    case SQLITE_ERROR:
    case SQLITE_MISMATCH:
    case SQLITE_RANGE:
      return errc::invalid;
    case SQLITE_TOOBIG:
      return errc::too_large;
    default:
      return errc::internal;
  }
}

/// SQLite's text for a failed constraint names columns, for a wrong statement its words: neither quotes values. That of
/// a trigger's RAISE or of a MATCH may, so only these are passed on.
std::string_view explain(sqlite3* db, int code) {
  const int kind = code & 0xff;
  const bool harmless = kind == SQLITE_ERROR || (kind == SQLITE_CONSTRAINT && code != SQLITE_CONSTRAINT_TRIGGER);
  return db && harmless ? sqlite3_errmsg(db) : sqlite3_errstr(code);
}

}  // namespace

error make_error(sqlite3* db, int code, std::string_view sql, std::string_view file) {
  std::string text(explain(db, code));
  if (!sql.empty()) text += " in `" + first_words(sql) + "`";
  text += " (" + std::string(file) + ")";
  return {classify(db, code), std::move(text)};
}

}  // namespace distsys::adapters::sqlite
