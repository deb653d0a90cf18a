#include "statement_cache.hpp"

#include "distsys/foundation/text.hpp"
#include "sqlite_error.hpp"

#include <algorithm>
#include <array>

namespace distsys::adapters::sqlite {

namespace {

bool controls_transaction(std::string_view sql) {
  constexpr std::array<std::string_view, 7> words{"begin",   "commit",    "end",   "rollback",
                                                  "release", "savepoint", "attach"};
  const std::string_view text = trim(sql);
  const std::string first = lower(text.substr(0, text.find_first_of(" \t\r\n;")));
  return std::ranges::find(words, first) != words.end();
}

}  // namespace

result<sqlite3_stmt*> statement_cache::get(sqlite3* db, std::string_view sql, std::string_view file,
                                           bool transactions) {
  if (const auto found = index_.find(sql); found != index_.end()) {
    recent_.splice(recent_.begin(), recent_, found->second);
    return found->second->statement.get();
  }
  if (!transactions && controls_transaction(sql))
    return error{errc::invalid, "`" + first_words(sql) + "` is not for a batch or a query"};

  sqlite3_stmt* made = nullptr;
  const char* rest = nullptr;
  const int code =
      sqlite3_prepare_v3(db, sql.data(), static_cast<int>(sql.size()), SQLITE_PREPARE_PERSISTENT, &made, &rest);
  std::unique_ptr<sqlite3_stmt, finalizer> statement(made);
  if (code != SQLITE_OK) return make_error(db, code, sql, file);
  if (!statement) return error{errc::invalid, "a statement without SQL"};
  const std::string_view left = trim(sql.substr(static_cast<std::size_t>(rest - sql.data())));
  if (!left.empty() && left.find_first_not_of("; \t\r\n") != std::string_view::npos)
    return error{errc::invalid, "more than one statement in `" + first_words(sql) + "`"};

  if (recent_.size() >= capacity_) {
    index_.erase(recent_.back().sql);
    recent_.pop_back();
  }
  recent_.push_front({std::string(sql), std::move(statement)});
  index_.emplace(recent_.front().sql, recent_.begin());
  return recent_.front().statement.get();
}

}  // namespace distsys::adapters::sqlite
