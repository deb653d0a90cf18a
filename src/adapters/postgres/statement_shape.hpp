// What one loop knows of a statement's text: PostgreSQL's form of it, and the types that the server told.
#pragma once

#include "distsys/foundation/error.hpp"
#include "distsys/ports/database.hpp"
#include "sql_text.hpp"

#include <libpq-fe.h>

#include <cstddef>
#include <list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace distsys::adapters::postgres {

struct statement_shape {
  std::string sql;    // with $1, $2, …
  std::string label;  // its first words
  std::size_t parameters = 0;
  bool described = false;  // the rest is known; a changed schema makes it unknown again
  bool misfit = false;     // the server counts other parameters than this driver
  std::vector<Oid> parameter_types;
  unsigned generation = 0;  // of those types: a connection may have prepared it for earlier ones
  std::vector<Oid> column_types;
  bool binary_results = false;
  std::optional<row_insert> insert;  // of rows, which may go together:
  std::shared_ptr<statement_shape>
      of_arrays;  // the same with an array a column; null when it is none, or a type has none

  /// Can it be run without asking the server about it first?
  bool ready() const noexcept { return described || parameters == 0; }
  /// From the answer to a Describe.
  void describe(const PGresult* r);
  /// Of a shape that is a misfit after that.
  error misunderstood() const { return {errc::internal, "`" + label + "` was described otherwise than asked"}; }

 private:
  void find_arrays();
};

/// The least recently used ones are forgotten. Of one loop.
class shape_catalog {
 public:
  explicit shape_catalog(std::size_t capacity) : capacity_(capacity) {}

  /// errc::invalid when the text is no statement for a batch or a query, or has another number of parameters than
  /// the statement gives.
  result<std::shared_ptr<statement_shape>> get(const ports::statement& s);

 private:
  struct entry {
    std::string sql;  // as the port gave it
    std::shared_ptr<statement_shape> shape;
  };
  std::size_t capacity_;
  std::list<entry> recent_;                                                 // most recently used first
  std::unordered_map<std::string_view, std::list<entry>::iterator> index_;  // views into recent_
};

/// Which statements one connection has prepared, under which names.
class prepared_statements {
 public:
  explicit prepared_statements(std::size_t capacity) : capacity_(capacity) {}

  /// The name on this connection; null when it is not prepared for the types that are known now.
  const std::string* find(const std::shared_ptr<statement_shape>& shape);
  /// A new name, from now on this shape's.
  const std::string& add(const std::shared_ptr<statement_shape>& shape);
  /// It was not prepared after all, or is out of date. Answers the name, empty when there was none.
  std::string forget(const statement_shape* shape);
  /// The same unless it has another name by now.
  void forget(const statement_shape* shape, const std::string& name);
  /// None is there any more. Names are not used again.
  void forget_all();
  /// The name of one too many, which the server should forget; empty when there is room.
  std::string evict();

 private:
  struct entry {
    std::shared_ptr<statement_shape> shape;
    std::string name;
    unsigned generation;
  };
  std::size_t capacity_;
  std::uint64_t next_ = 0;
  std::list<entry> recent_;
  std::unordered_map<const statement_shape*, std::list<entry>::iterator> index_;
};

}  // namespace distsys::adapters::postgres
