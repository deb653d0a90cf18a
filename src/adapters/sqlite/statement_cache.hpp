// Prepared statements of one connection, the least recently used ones dropped.
#pragma once

#include "distsys/foundation/error.hpp"

#include <sqlite3.h>

#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

namespace distsys::adapters::sqlite {

class statement_cache {
 public:
  explicit statement_cache(std::size_t capacity) : capacity_(capacity) {}

  /// Ready to bind and step; reset it after use. Valid until the next call. Text that holds no statement, or more than
  /// one, or one that begins or ends a transaction where `transactions` is not set, is errc::invalid.
  result<sqlite3_stmt*> get(sqlite3* db, std::string_view sql, std::string_view file, bool transactions);

 private:
  struct finalizer {
    void operator()(sqlite3_stmt* s) const noexcept { sqlite3_finalize(s); }
  };
  struct entry {
    std::string sql;
    std::unique_ptr<sqlite3_stmt, finalizer> statement;
  };

  std::size_t capacity_;
  std::list<entry> recent_;                                                 // most recently used first
  std::unordered_map<std::string_view, std::list<entry>::iterator> index_;  // views into recent_
};

}  // namespace distsys::adapters::sqlite
