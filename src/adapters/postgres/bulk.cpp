#include "bulk.hpp"

#include "outcome.hpp"
#include "reads.hpp"
#include "sql_text.hpp"
#include "values.hpp"

#include <algorithm>
#include <optional>
#include <utility>

namespace distsys::adapters::postgres {

namespace {

constexpr std::size_t rows_at_once = 4096, bytes_at_once = 4u << 20;

std::string name_list(const std::vector<std::string>& columns) {
  std::string names;
  for (const std::string& column : columns) names += (names.empty() ? "" : ", ") + quote_name(column);
  return names;
}

std::string plain_insert(const std::string& table_name, const std::vector<std::string>& columns) {
  std::string marks = "?";
  for (std::size_t i = 1; i < columns.size(); ++i) marks += ", ?";
  return "INSERT INTO " + quote_name(table_name) + " (" + name_list(columns) + ") VALUES (" + marks + ")";
}

std::string insert_of_arrays(const std::string& table_name, const std::vector<std::string>& columns,
                             const std::vector<Oid>& types) {
  std::string arrays;
  for (const Oid type : types) {
    arrays += arrays.empty() ? "CAST(? AS " : ", CAST(? AS ";
    arrays += array_of(type)->name;
    arrays += ")";
  }
  return "INSERT INTO " + quote_name(table_name) + " (" + name_list(columns) + ") SELECT * FROM unnest(" + arrays + ")";
}

/// The columns of some of the rows, each as one array; `from` moves behind them.
result<void> add_arrays(ports::table& to, const ports::table& rows, const std::vector<Oid>& types, std::size_t& from) {
  std::vector<array_writer> arrays;
  for (const Oid type : types) arrays.emplace_back(type);
  parameter_row row;
  std::size_t bytes = 0;
  for (std::size_t n = 0; n < rows_at_once && bytes < bytes_at_once && from < rows.rows(); ++n, ++from) {
    if (auto filled = row.fill(rows, from, types); !filled)
      return error{filled.error().code, "bulk_load: row " + std::to_string(from) + ": " + filled.error().detail};
    for (std::size_t i = 0; i < arrays.size(); ++i) {
      if (row.values()[i] && row.formats()[i] == 0)
        return error{errc::invalid, "bulk_load: row " + std::to_string(from) + " holds a text in a column of numbers"};
      bytes += arrays[i].add(row, i);
    }
  }
  for (array_writer& array : arrays) to.add_blob(array.finish());
  return {};
}

}  // namespace

awaitable<result<ports::batch>> bulk_batch(loop_pool& pool, const ports::call_context& context, std::string table_name,
                                           std::vector<std::string> columns, ports::table rows) {
  ports::batch b;
  const ports::statement question{"SELECT " + name_list(columns) + " FROM " + quote_name(table_name), {}, {}};
  auto shape = pool.shapes().get(question);
  if (!shape) co_return shape.error();
  auto on = pool.reader();
  if (!on) co_return on.error();
  // Asked each time: a load is rare, and the table may have changed.
  if (auto known = co_await describe(**on, *shape, context, pool.settings().label, true); !known)
    co_return known.error();
  const std::vector<Oid> types = (*shape)->column_types;
  if (!std::ranges::all_of(types, [](Oid t) { return array_of(t).has_value(); })) {
    b.push_back({plain_insert(table_name, columns), std::move(rows), {}});
    co_return b;
  }
  ports::table arrays(columns.size());
  for (std::size_t from = 0; from < rows.rows();)
    if (auto added = add_arrays(arrays, rows, types, from); !added) co_return added.error();
  b.push_back({insert_of_arrays(table_name, columns, types), std::move(arrays), {}});
  co_return b;
}

}  // namespace distsys::adapters::postgres
